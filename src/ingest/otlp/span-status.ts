import type { Wire } from '../wire/proto.ts';
import { renderValue } from './attributes.ts';

const encoder = new TextEncoder();
/** Attributes that tell a failed request; a length is looked at before a byte is. */
const HTTP_OLD = encoder.encode('http.status_code');
const HTTP = encoder.encode('http.response.status_code');
const GRPC = encoder.encode('rpc.grpc.status_code');

/** Decides from the attributes of a server span with unset status whether the request failed. */
export class StatusScan {
  /** `[start, end)` is the part of the Span from its first attribute on. */
  isError(wire: Wire, start: number, end: number): boolean {
    wire.pos = start;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag !== 0x4a) {
        wire.skip(tag, end);
        continue;
      }
      const stop = wire.span(end);
      if (this.failed(wire, stop)) return true;
      wire.pos = stop;
    }
    return false;
  }

  /** The KeyValue `[wire.pos, end)`: a key that we know, with a value that says failure. */
  private failed(wire: Wire, end: number): boolean {
    const { buf } = wire;
    let known = 0;
    let valueStart = -1;
    let valueEnd = -1;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag === 0x0a) {
        const stop = wire.span(end);
        const length = stop - wire.pos;
        if (length === HTTP_OLD.length && equals(buf, wire.pos, HTTP_OLD)) known = 1;
        else if (length === HTTP.length && equals(buf, wire.pos, HTTP)) known = 1;
        else if (length === GRPC.length && equals(buf, wire.pos, GRPC)) known = 2;
        else return false;
        wire.pos = stop;
      } else if (tag === 0x12) {
        valueEnd = wire.span(end);
        valueStart = wire.pos;
        wire.pos = valueEnd;
      } else wire.skip(tag, end);
    }
    if (known === 0 || valueStart < 0) return false;
    wire.pos = valueStart;
    const value = Number(renderValue(wire, valueEnd));
    return known === 1 ? value >= 500 && value < 600 : value > 0;
  }
}

function equals(buf: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (buf[at + i] !== text[i]) return false;
  return true;
}
