import type { Wire } from '../wire/proto.ts';
import { renderValue } from './attributes.ts';

const encoder = new TextEncoder();
/** Attributes that tell a failed request. */
const HTTP_OLD = encoder.encode('http.status_code');
const HTTP = encoder.encode('http.response.status_code');
const GRPC = encoder.encode('rpc.grpc.status_code');

/** 1 at the lengths of those keys. */
export const SUSPECT_SIZES = new Uint8Array(256);
for (const key of [HTTP, HTTP_OLD, GRPC]) SUSPECT_SIZES[key.length] = 1;

/** False if the KeyValue at `at` certainly is none of those: by the length of its key, in two comparisons for most. */
export function isSuspect(buf: Uint8Array, at: number, length: number): boolean {
  if (length < 2) return false;
  if (buf[at] !== 0x0a) return true;
  return SUSPECT_SIZES[buf[at + 1]!] === 1;
}

/**
 * The HTTP status of a KeyValue whose length stands at `at`, written the usual way (key, then an int of two bytes), 0 if its
 * key is another of that length; -1 if it must be read with care.
 */
export function statusOf(buf: Uint8Array, at: number, end: number): number {
  const key = at + 3;
  const size = buf[at + 2]!;
  const value = key + size;
  // Length, key tag, key length, key; value tag, its length 3, int tag, two bytes.
  if (buf[at]! !== size + 7 || value + 5 > end || buf[at + 1] !== 0x0a || size === GRPC.length) return -1;
  if (buf[value] !== 0x12 || buf[value + 1] !== 3 || buf[value + 2] !== 0x18 || buf[value + 3]! < 128) return -1;
  if (buf[value + 4]! >= 128) return -1;
  return keyOf(buf, key, size) === 1 ? (buf[value + 3]! & 127) | (buf[value + 4]! << 7) : 0;
}

/** Whether the KeyValue `[wire.pos, end)` of a server span with unset status says that the request failed. */
export function saysFailed(wire: Wire, end: number): boolean {
  const { buf } = wire;
  let known = 0;
  let valueStart = -1;
  let valueEnd = -1;
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag === 0x0a) {
      const stop = wire.span(end);
      known = keyOf(buf, wire.pos, stop - wire.pos);
      wire.pos = stop;
    } else if (tag === 0x12) {
      valueEnd = wire.span(end);
      valueStart = wire.pos;
      wire.pos = valueEnd;
    } else wire.skip(tag, end);
  }
  if (known === 0 || valueStart < 0) return false;
  wire.pos = valueStart;
  let value = Number.NaN;
  if (valueStart < valueEnd && buf[valueStart] === 0x18) {
    wire.pos++;
    value = wire.varint(valueEnd);
  } else value = Number(renderValue(wire, valueEnd));
  return known === 1 ? value >= 500 && value < 600 : value > 0;
}

function keyOf(buf: Uint8Array, at: number, length: number): number {
  if (length === HTTP.length) return equals(buf, at, HTTP) ? 1 : 0;
  if (length === HTTP_OLD.length) return equals(buf, at, HTTP_OLD) ? 1 : 0;
  return length === GRPC.length && equals(buf, at, GRPC) ? 2 : 0;
}

/** From the end: what differs differs there. */
function equals(buf: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = text.length - 1; i >= 0; i--) if (buf[at + i] !== text[i]) return false;
  return true;
}
