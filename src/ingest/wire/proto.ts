import { TocsinError } from '../../domain/error.ts';

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

/** @throws TocsinError `bad_payload`, always. */
export function malformed(what: string, at: number): never {
  throw new TocsinError('bad_payload', `malformed protobuf: ${what} at byte ${at}`);
}

/**
 * A cursor over protobuf bytes. Every read is checked against the end of the message it is in, so that a truncated or
 * forged length is an error and never a read of somebody else's bytes. Hot loops keep `pos` in a local and come here for
 * what is rare: varints of more than one byte, unknown fields.
 */
export class Wire {
  buf: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.buf.buffer);
  pos = 0;

  open(body: Uint8Array): void {
    this.buf = body;
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.pos = 0;
  }

  /** Drops the body, so that a decoder at rest keeps nobody's bytes alive. */
  close(): void {
    this.open(EMPTY);
  }

  /** An unsigned varint; exact up to 2^53, beyond that rounded. */
  varint(end: number): number {
    const start = this.pos;
    let value = 0;
    let scale = 1;
    for (let pos = start; pos < end; pos++) {
      const byte = this.buf[pos]!;
      value += (byte & 127) * scale;
      if (byte < 128) {
        this.pos = pos + 1;
        return value;
      }
      if (pos - start >= 9) malformed('a varint of more than 10 bytes', start);
      scale *= 128;
    }
    return malformed('truncated varint', start);
  }

  /** The low 32 bits of a varint, signed: enums, int32, sint32 before zigzag. */
  varint32(end: number): number {
    const start = this.pos;
    let value = 0;
    for (let pos = start, shift = 0; pos < end; pos++, shift += 7) {
      const byte = this.buf[pos]!;
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) {
        this.pos = pos + 1;
        return value;
      }
      if (shift >= 63) malformed('a varint of more than 10 bytes', start);
    }
    return malformed('truncated varint', start);
  }

  /** A signed 64-bit varint as decimal text: attribute values only. */
  int64Text(end: number): string {
    const start = this.pos;
    const rounded = this.varint(end);
    if (this.pos - start < 8) return String(rounded);
    let value = 0n;
    for (let pos = this.pos - 1; pos >= start; pos--) value = (value << 7n) | BigInt(this.buf[pos]! & 127);
    return BigInt.asIntN(64, value).toString();
  }

  sint32(end: number): number {
    const value = this.varint32(end);
    return (value >>> 1) ^ -(value & 1);
  }

  /** Field number and wire type. */
  tag(end: number): number {
    const at = this.pos;
    const tag = this.varint(end);
    if (tag < 8 || tag > 0xffffffff) malformed('invalid field number', at);
    return tag;
  }

  /** Reads a length and returns where the field ends; `pos` is then its start. */
  span(end: number): number {
    const at = this.pos;
    const length = this.varint(end);
    const stop = this.pos + length;
    if (stop > end) malformed('a length beyond the end of its message', at);
    return stop;
  }

  /** Like `span`, but the field must have been sent as bytes: a known field with another wire type is malformed. */
  message(tag: number, end: number): number {
    if ((tag & 7) !== WIRE_BYTES) malformed(`field ${Math.floor(tag / 8)} has wire type ${tag & 7}`, this.pos);
    return this.span(end);
  }

  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case WIRE_VARINT:
        this.varint(end);
        return;
      case WIRE_FIXED64:
        this.advance(8, end);
        return;
      case WIRE_BYTES:
        this.pos = this.span(end);
        return;
      case WIRE_FIXED32:
        this.advance(4, end);
        return;
      default:
        malformed(`wire type ${tag & 7}`, this.pos);
    }
  }

  /** Unsigned, rounded to a double. */
  fixed64(end: number): number {
    const at = this.pos;
    this.advance(8, end);
    return this.view.getUint32(at + 4, true) * 4294967296 + this.view.getUint32(at, true);
  }

  sfixed64(end: number): number {
    const at = this.pos;
    this.advance(8, end);
    return this.view.getInt32(at + 4, true) * 4294967296 + this.view.getUint32(at, true);
  }

  double(end: number): number {
    const at = this.pos;
    this.advance(8, end);
    return this.view.getFloat64(at, true);
  }

  private advance(bytes: number, end: number): void {
    if (this.pos + bytes > end) malformed('truncated number', this.pos);
    this.pos += bytes;
  }
}

const EMPTY = new Uint8Array(0);
