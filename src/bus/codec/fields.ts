import { TocsinError } from '../../domain/error.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

/**
 * Protobuf framing over `ByteWriter` and `ByteReader`: field numbers and wire types as protobuf's encoding has them, so that the
 * records that cross the bus are the messages of `registry/tocsin-proto.ts`. Fields that say nothing (zero, empty) are left out.
 */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function varintField(out: ByteWriter, field: number, value: number): void {
  if (value === 0) return;
  out.varint(field * 8 + VARINT);
  out.varint(value);
}

export function doubleField(out: ByteWriter, field: number, value: number): void {
  if (value === 0) return;
  out.varint(field * 8 + FIXED64);
  out.f64(value);
}

export function bytesField(out: ByteWriter, field: number, value: Uint8Array): void {
  if (value.length === 0) return;
  out.varint(field * 8 + BYTES);
  out.varint(value.length);
  out.raw(value);
}

export function textField(out: ByteWriter, field: number, value: string): void {
  if (value !== '') bytesField(out, field, encoder.encode(value));
}

/** `repeated double`, packed. */
export function doublesField(out: ByteWriter, field: number, values: Float64Array, count: number): void {
  if (count === 0) return;
  out.varint(field * 8 + BYTES);
  out.varint(count * 8);
  out.f64s(values, count);
}

/** A message as its fields, those that came last where one came twice; unknown ones are read past. */
export class Fields {
  readonly #numbers = new Map<number, number>();
  readonly #bytes = new Map<number, Uint8Array>();

  /**
   * @param onBytes hears of every field of bytes, also of those that come again.
   * @throws TocsinError `corrupt`.
   */
  static read(from: ByteReader, onBytes?: (field: number, value: Uint8Array) => void): Fields {
    const fields = new Fields();
    while (from.left > 0) {
      const tag = from.varint();
      const field = Math.floor(tag / 8);
      switch (tag % 8) {
        case VARINT:
          fields.#numbers.set(field, from.varint());
          break;
        case FIXED64:
          fields.#numbers.set(field, from.f64());
          break;
        case BYTES:
          fields.#bytes.set(field, from.raw(from.varint()));
          onBytes?.(field, fields.#bytes.get(field)!);
          break;
        default:
          throw new TocsinError('corrupt', `wire type ${tag % 8}`);
      }
    }
    return fields;
  }

  number(field: number): number {
    return this.#numbers.get(field) ?? 0;
  }

  bytes(field: number): Uint8Array {
    return this.#bytes.get(field) ?? NOTHING;
  }

  text(field: number): string {
    return decoder.decode(this.bytes(field));
  }

  /** Packed doubles, copied: records are not aligned. @throws TocsinError `corrupt`. */
  doubles(field: number): Float64Array {
    const bytes = this.bytes(field);
    if (bytes.length % 8 !== 0) throw new TocsinError('corrupt', `${bytes.length} bytes of doubles`);
    return new Float64Array(bytes.slice().buffer);
  }
}

const NOTHING = new Uint8Array(0);
