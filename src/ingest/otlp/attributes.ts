import type { SeriesIdentity } from '../series/series-identity.ts';
import { malformed, type Wire } from '../wire/proto.ts';

/** Deepest nesting of array and map values that is rendered; below it stands `null`. */
const MAX_DEPTH = 16;
const decoder = new TextDecoder();
const encoder = new TextEncoder();
/** Attributes that tell a failed request. */
const HTTP_OLD = encoder.encode('http.status_code');
const HTTP = encoder.encode('http.response.status_code');
const GRPC = encoder.encode('rpc.grpc.status_code');

/** 1 at the lengths of those keys. */
export const SUSPECT_SIZES = new Uint8Array(256);
for (const key of [HTTP, HTTP_OLD, GRPC]) SUSPECT_SIZES[key.length] = 1;

/** Where the last parsed KeyValue has its key and value: byte ranges of the body, or a rendered text. */
class Attribute {
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** The value if it is no string (or bytes elsewhere), else null. */
  text: string | null = null;

  /** Reads the KeyValue `[wire.pos, end)`. */
  read(wire: Wire, end: number): void {
    this.keyStart = this.keyEnd = this.valueStart = this.valueEnd = wire.pos;
    this.text = null;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag === 0x0a) {
        const stop = wire.span(end);
        this.keyStart = wire.pos;
        this.keyEnd = stop;
        wire.pos = stop;
      } else if (tag === 0x12) this.readValue(wire, wire.span(end));
      else wire.skip(tag, end);
    }
  }

  private readValue(wire: Wire, end: number): void {
    const start = wire.pos;
    this.valueStart = this.valueEnd = start;
    this.text = null;
    if (start === end) return;
    const tag = wire.tag(end);
    if (tag === 0x0a) {
      const stop = wire.span(end);
      if (stop === end) {
        this.valueStart = wire.pos;
        this.valueEnd = stop;
        wire.pos = stop;
        return;
      }
    }
    wire.pos = start;
    this.text = renderValue(wire, end);
  }
}

const attribute = new Attribute();

/**
 * Reads every attribute (fields with `attributeTag`) of the message `[start, end)` into an identity; with null it only
 * checks that they are well-formed.
 *
 * @throws TocsinError `bad_payload`.
 */
export function readAttributes(
  wire: Wire,
  start: number,
  end: number,
  attributeTag: number,
  into: SeriesIdentity | null,
): void {
  wire.pos = start;
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag !== attributeTag) {
      wire.skip(tag, end);
      continue;
    }
    attribute.read(wire, wire.span(end));
    if (into === null) continue;
    if (attribute.text === null) {
      into.addBytes(wire.buf, attribute.keyStart, attribute.keyEnd, attribute.valueStart, attribute.valueEnd);
    } else into.addRendered(wire.buf, attribute.keyStart, attribute.keyEnd, attribute.text);
  }
}

/** Calls back with every attribute as strings: resources only, once each. */
export function eachAttribute(
  wire: Wire,
  start: number,
  end: number,
  attributeTag: number,
  visit: (key: string, value: string) => void,
): void {
  wire.pos = start;
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag !== attributeTag) {
      wire.skip(tag, end);
      continue;
    }
    attribute.read(wire, wire.span(end));
    const key = decoder.decode(wire.buf.subarray(attribute.keyStart, attribute.keyEnd));
    visit(key, attribute.text ?? decoder.decode(wire.buf.subarray(attribute.valueStart, attribute.valueEnd)));
  }
}

/** The AnyValue `[wire.pos, end)` as text: strings as they are, numbers in decimal, bytes in base64, the rest as JSON. */
export function renderValue(wire: Wire, end: number): string {
  const value = jsonValue(wire, end, 0);
  return typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function renderBytes(wire: Wire, end: number): Uint8Array {
  return encoder.encode(renderValue(wire, end));
}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

function jsonValue(wire: Wire, end: number, depth: number): Json {
  let value: Json = '';
  while (wire.pos < end) {
    const tag = wire.tag(end);
    switch (tag) {
      case 0x0a: {
        const stop = wire.span(end);
        value = decoder.decode(wire.buf.subarray(wire.pos, stop));
        wire.pos = stop;
        break;
      }
      case 0x10:
        value = wire.varint(end) !== 0;
        break;
      case 0x18: {
        const text = wire.int64Text(end);
        value = depth === 0 || !Number.isSafeInteger(Number(text)) ? text : Number(text);
        break;
      }
      case 0x21:
        value = wire.double(end);
        break;
      case 0x2a:
        value = jsonArray(wire, wire.span(end), depth + 1);
        break;
      case 0x32:
        value = jsonMap(wire, wire.span(end), depth + 1);
        break;
      case 0x3a: {
        const stop = wire.span(end);
        value = Buffer.from(wire.buf.subarray(wire.pos, stop)).toString('base64');
        wire.pos = stop;
        break;
      }
      default:
        if (tag >>> 3 <= 7) malformed(`AnyValue field ${tag >>> 3} has wire type ${tag & 7}`, wire.pos);
        wire.skip(tag, end);
    }
  }
  return value;
}

function jsonArray(wire: Wire, end: number, depth: number): Json {
  const values: Json[] = [];
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag !== 0x0a) wire.skip(tag, end);
    else if (depth <= MAX_DEPTH) values.push(jsonValue(wire, wire.span(end), depth));
    else wire.pos = wire.span(end);
  }
  return depth <= MAX_DEPTH ? values : null;
}

function jsonMap(wire: Wire, end: number, depth: number): Json {
  const entries: [string, Json][] = [];
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag !== 0x0a || depth > MAX_DEPTH) {
      wire.skip(tag, end);
      continue;
    }
    const stop = wire.span(end);
    let key = '';
    let value: Json = null;
    while (wire.pos < stop) {
      const field = wire.tag(stop);
      if (field === 0x0a) {
        const keyEnd = wire.span(stop);
        key = decoder.decode(wire.buf.subarray(wire.pos, keyEnd));
        wire.pos = keyEnd;
      } else if (field === 0x12) value = jsonValue(wire, wire.span(stop), depth);
      else wire.skip(field, stop);
    }
    entries.push([key, value]);
  }
  return depth <= MAX_DEPTH ? Object.fromEntries(entries) : null;
}

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
