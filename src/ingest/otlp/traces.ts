import type { IntakeResult, SignalSink } from '../../domain/ports.ts';
import { createSpanBatch, SPAN_KIND } from '../../domain/signal/batch.ts';
import type { PayloadDecoder } from '../contract.ts';
import { malformed, Wire } from '../wire/proto.ts';
import { isSuspect, SUSPECT_SIZES, saysFailed, statusOf } from './attributes.ts';
import { SLICE } from './metrics.ts';
import { BodyResources, type ResourceCache } from './resource.ts';

const KEEP = 1 << 16;
const STATUS_ERROR = 2;
/** Attributes of one span that may tell its status; more than these are not looked at. */
const MAX_SUSPECTS = 8;

/** Spans of one body, before anything is delivered; ids as offsets into the body. */
class SpanColumns {
  length = 0;
  resource = new Int32Array(0);
  start = new Float64Array(0);
  end = new Float64Array(0);
  kind = new Uint8Array(0);
  error = new Uint8Array(0);
  nameStart = new Int32Array(0);
  nameEnd = new Int32Array(0);
  trace = new Int32Array(0);
  span = new Int32Array(0);
  /** -1: root. */
  parent = new Int32Array(0);

  constructor() {
    this.resize(2048);
  }

  begin(): void {
    this.length = 0;
    if (this.start.length > KEEP) this.resize(2048);
  }

  resize(capacity: number): void {
    const used = this.length;
    this.resource = into(new Int32Array(capacity), this.resource, used);
    this.start = into(new Float64Array(capacity), this.start, used);
    this.end = into(new Float64Array(capacity), this.end, used);
    this.kind = into(new Uint8Array(capacity), this.kind, used);
    this.error = into(new Uint8Array(capacity), this.error, used);
    this.nameStart = into(new Int32Array(capacity), this.nameStart, used);
    this.nameEnd = into(new Int32Array(capacity), this.nameEnd, used);
    this.trace = into(new Int32Array(capacity), this.trace, used);
    this.span = into(new Int32Array(capacity), this.span, used);
    this.parent = into(new Int32Array(capacity), this.parent, used);
  }
}

function into<T extends { set(from: ArrayLike<number>): void }>(
  to: T,
  from: Int32Array | Float64Array | Uint8Array,
  used: number,
): T {
  to.set(from.subarray(0, used));
  return to;
}

/** ExportTraceServiceRequest (protobuf) → spans. */
export class OtlpTracesDecoder implements PayloadDecoder {
  private readonly wire = new Wire();
  private readonly resources: BodyResources;
  private readonly columns = new SpanColumns();
  private readonly batch = createSpanBatch(SLICE);
  private readonly suspects = new Int32Array(MAX_SUSPECTS);
  private readonly traceWords = new Int32Array(this.batch.traceIds.buffer);
  private readonly spanWords = new Int32Array(this.batch.spanIds.buffer);
  private readonly parentWords = new Int32Array(this.batch.parentIds.buffer);
  private rejected = 0;
  private message = '';

  constructor(cache: ResourceCache) {
    this.resources = new BodyResources(cache);
  }

  decode(body: Uint8Array, tenant: string, sink: SignalSink): IntakeResult {
    const { wire, resources, columns } = this;
    wire.open(body);
    try {
      this.rejected = 0;
      this.message = '';
      columns.begin();
      resources.begin(tenant);
      const end = body.length;
      while (wire.pos < end) {
        const tag = wire.tag(end);
        if (tag >>> 3 === 1) this.resourceSpans(wire.message(tag, end));
        else wire.skip(tag, end);
      }
      resources.open(wire, tenant, sink);
      this.deliver(body, sink);
      return { accepted: columns.length, rejected: this.rejected, message: this.message };
    } finally {
      wire.close();
      this.batch.buffer = NONE;
    }
  }

  private resourceSpans(end: number): void {
    const { wire } = this;
    const start = wire.pos;
    const resource = this.resources.scan(wire, start, end);
    wire.pos = start;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag !== 0x12) {
        wire.skip(tag, end);
        continue;
      }
      const stop = wire.span(end);
      const { buf } = wire;
      while (wire.pos < stop) {
        const { pos } = wire;
        const low = buf[pos + 1]!;
        const high = buf[pos + 2]!;
        const after = pos + 3 + (low & 127) + (high << 7);
        if (buf[pos] === 0x12 && low >= 128 && high < 128 && after <= stop) {
          wire.pos = pos + 3;
          this.span(after, resource);
          continue;
        }
        const field = wire.tag(stop);
        if (field >>> 3 === 2) this.span(wire.message(field, stop), resource);
        else wire.skip(field, stop);
      }
    }
  }

  private reject(why: string): void {
    if (this.rejected++ === 0) this.message = why;
  }

  private span(end: number, resource: number): void {
    const { wire, columns } = this;
    const { buf, view } = wire;
    const first = wire.pos;
    let pos = first;
    let trace = -1;
    let id = -1;
    let parent = -1;
    let nameStart = 0;
    let nameEnd = 0;
    let kind = 0;
    let start = 0;
    let stop = 0;
    let code = 0;
    let suspects = 0;
    while (pos < end) {
      const tag = buf[pos]!;
      // Attributes: passed over by length, looked at only if the status leaves a question.
      if (tag === 0x4a) {
        const from = pos + 2;
        const short = buf[pos + 1]!;
        if (short < 128 && from + short <= end) {
          // One branch for both: a key that is not first, or one of a length that tells a status.
          const isNamed = SUSPECT_SIZES[buf[from + 1]!]! | (buf[from]! ^ 0x0a);
          if (isNamed !== 0 && short > 1 && suspects < MAX_SUSPECTS) this.suspects[suspects++] = pos + 1;
          pos = from + short;
          continue;
        }
        const at = ++pos;
        if (at >= end) malformed('truncated attribute', at);
        let length = buf[pos++]!;
        if (length >= 128) {
          wire.pos = at;
          length = wire.varint(end);
          pos = wire.pos;
        }
        if (suspects < MAX_SUSPECTS && isSuspect(buf, pos, length)) this.suspects[suspects++] = at;
        pos += length;
        if (pos > end) malformed('a length beyond the end of its message', at);
        continue;
      }
      if (tag === 0x39 || tag === 0x41) {
        if (pos + 9 > end) malformed('truncated number', pos);
        const at = (view.getUint32(pos + 5, true) * 4294967296 + view.getUint32(pos + 1, true)) / 1e6;
        if (tag === 0x39) start = at;
        else stop = at;
        pos += 9;
        continue;
      }
      // What nearly every span holds, with one-byte lengths; anything else takes the careful way below.
      const value = pos + 2;
      const size = buf[pos + 1]!;
      if (size < 128 && value + size <= end) {
        if (tag === 0x0a && size === 16) {
          trace = value;
          pos = value + 16;
          continue;
        }
        if (tag === 0x12 && size === 8) {
          id = value;
          pos = value + 8;
          continue;
        }
        if (tag === 0x22 && size === 8) {
          parent = value;
          pos = value + 8;
          continue;
        }
        if (tag === 0x2a) {
          nameStart = value;
          nameEnd = value + size;
          pos = nameEnd;
          continue;
        }
        if (tag === 0x30) {
          kind = size;
          pos = value;
          continue;
        }
      }
      wire.pos = pos;
      const field = wire.tag(end);
      switch (field) {
        case 0x0a:
          pos = wire.span(end);
          trace = pos - wire.pos === 16 ? wire.pos : -1;
          break;
        case 0x12:
          pos = wire.span(end);
          id = pos - wire.pos === 8 ? wire.pos : -1;
          break;
        case 0x22:
          pos = wire.span(end);
          parent = pos - wire.pos === 8 ? wire.pos : -1;
          break;
        case 0x2a:
          pos = wire.span(end);
          nameStart = wire.pos;
          nameEnd = pos;
          break;
        case 0x30:
          kind = wire.varint32(end);
          pos = wire.pos;
          break;
        case 0x7a: {
          const statusEnd = wire.span(end);
          while (wire.pos < statusEnd) {
            const inner = wire.tag(statusEnd);
            if (inner === 0x18) code = wire.varint32(statusEnd);
            else wire.skip(inner, statusEnd);
          }
          pos = wire.pos;
          break;
        }
        default:
          if (KNOWN_FIELDS.includes(field >>> 3))
            malformed(`Span field ${field >>> 3} has wire type ${field & 7}`, pos);
          wire.skip(field, end);
          pos = wire.pos;
      }
    }
    wire.pos = end;
    if (
      trace < 0 ||
      (view.getInt32(trace) | view.getInt32(trace + 4) | view.getInt32(trace + 8) | view.getInt32(trace + 12)) === 0
    ) {
      this.reject('a span without a trace id of 16 bytes');
      return;
    }
    if (id < 0 || (view.getInt32(id) | view.getInt32(id + 4)) === 0) {
      this.reject('a span without an id of 8 bytes');
      return;
    }
    if (start === 0 || stop === 0) {
      this.reject('a span without a start and an end');
      return;
    }
    const i = columns.length;
    if (i === columns.start.length) columns.resize(i * 2);
    let error = code === STATUS_ERROR ? 1 : 0;
    if (code === 0 && kind === SPAN_KIND.server) {
      for (let k = 0; k < suspects && error === 0; k++) {
        const at = this.suspects[k]!;
        const quick = statusOf(buf, at, end);
        if (quick >= 0) {
          if (quick >= 500 && quick < 600) error = 1;
          continue;
        }
        wire.pos = at;
        if (saysFailed(wire, wire.span(end))) error = 1;
      }
      wire.pos = end;
    }
    columns.length = i + 1;
    columns.resource[i] = resource;
    columns.start[i] = start;
    columns.end[i] = stop < start ? start : stop;
    columns.kind[i] = kind >= 0 && kind <= SPAN_KIND.consumer ? kind : 0;
    columns.error[i] = error;
    columns.nameStart[i] = nameStart;
    columns.nameEnd[i] = nameEnd;
    columns.trace[i] = trace;
    columns.span[i] = id;
    columns.parent[i] = parent;
    this.resources.sawTime(resource, start);
  }

  /** Copies 8 bytes of the body as two words; zeros for a negative start. */
  private copyWords(from: number, to: Int32Array, at: number): void {
    const { view } = this.wire;
    to[at] = from < 0 ? 0 : view.getInt32(from, true);
    to[at + 1] = from < 0 ? 0 : view.getInt32(from + 4, true);
  }

  private deliver(body: Uint8Array, sink: SignalSink): void {
    const { columns, batch, resources } = this;
    batch.buffer = body;
    for (let from = 0; from < columns.length; from += SLICE) {
      const n = Math.min(SLICE, columns.length - from);
      for (let k = 0; k < n; k++) {
        const i = from + k;
        const entry = resources.entries[columns.resource[i]!]!;
        batch.service[k] = entry.service;
        batch.instance[k] = entry.instance;
        batch.start[k] = columns.start[i]!;
        batch.end[k] = columns.end[i]!;
        batch.kind[k] = columns.kind[i]!;
        batch.error[k] = columns.error[i]!;
        batch.nameStart[k] = columns.nameStart[i]!;
        batch.nameEnd[k] = columns.nameEnd[i]!;
        const trace = columns.trace[i]!;
        this.copyWords(trace, this.traceWords, k * 4);
        this.copyWords(trace + 8, this.traceWords, k * 4 + 2);
        this.copyWords(columns.span[i]!, this.spanWords, k * 2);
        this.copyWords(columns.parent[i]!, this.parentWords, k * 2);
      }
      batch.length = n;
      sink.spans(batch);
    }
  }
}

const NONE = new Uint8Array(0);
const KNOWN_FIELDS = [1, 2, 4, 5, 6, 7, 8, 9, 15];
