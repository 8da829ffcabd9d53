import type { SeriesIdentity } from '../series-identity.ts';
import { malformed, type Wire } from '../wire/proto.ts';

/** Deepest nesting of array and map values that is rendered; below it stands `null`. */
const MAX_DEPTH = 16;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

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
