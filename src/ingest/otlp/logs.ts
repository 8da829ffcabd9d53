import type { IntakeResult, SignalSink } from '../../domain/ports.ts';
import { createLogBatch } from '../../domain/signal/batch.ts';
import type { PayloadDecoder } from '../contract.ts';
import { malformed, Wire } from '../wire/proto.ts';
import { renderBytes } from './attributes.ts';
import { SLICE } from './metrics.ts';
import { BodyResources, type ResourceCache } from './resource.ts';

/** Most bytes of a rendered body (one that is no string). */
const MAX_RENDERED = 65_536;
const KEEP = 1 << 16;

/** Log records of one body, before anything is delivered. */
class LogColumns {
  length = 0;
  resource = new Int32Array(2048);
  time = new Float64Array(2048);
  severity = new Uint8Array(2048);
  bodyStart = new Int32Array(2048);
  bodyEnd = new Int32Array(2048);
  /** Where the 16 bytes of the trace id are, -1 for none. */
  trace = new Int32Array(2048);

  begin(): void {
    this.length = 0;
    if (this.time.length > KEEP) this.resize(2048);
  }

  resize(capacity: number): void {
    const used = this.length;
    const ints = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const next = new Int32Array(capacity);
      next.set(from.subarray(0, used));
      return next;
    };
    this.resource = ints(this.resource);
    this.bodyStart = ints(this.bodyStart);
    this.bodyEnd = ints(this.bodyEnd);
    this.trace = ints(this.trace);
    const time = new Float64Array(capacity);
    time.set(this.time.subarray(0, used));
    this.time = time;
    const severity = new Uint8Array(capacity);
    severity.set(this.severity.subarray(0, used));
    this.severity = severity;
  }
}

/** ExportLogsServiceRequest (protobuf) → log records. */
export class OtlpLogsDecoder implements PayloadDecoder {
  private readonly wire = new Wire();
  private readonly resources: BodyResources;
  private readonly columns = new LogColumns();
  private readonly batch = createLogBatch(SLICE);
  private readonly traceWords = new Int32Array(this.batch.traceIds.buffer);
  private rendered: Uint8Array[] = [];
  private renderedSize = 0;
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
      this.rendered = [];
      this.renderedSize = 0;
      columns.begin();
      resources.begin(tenant);
      const end = body.length;
      while (wire.pos < end) {
        const tag = wire.tag(end);
        if (tag >>> 3 === 1) this.resourceLogs(wire.message(tag, end));
        else wire.skip(tag, end);
      }
      resources.open(wire, tenant, sink);
      this.deliver(body, sink);
      return { accepted: columns.length, rejected: this.rejected, message: this.message };
    } finally {
      wire.close();
      this.rendered = [];
      this.batch.buffer = NONE;
    }
  }

  private resourceLogs(end: number): void {
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
          this.record(after, resource);
          continue;
        }
        const field = wire.tag(stop);
        if (field >>> 3 === 2) this.record(wire.message(field, stop), resource);
        else wire.skip(field, stop);
      }
    }
  }

  private record(end: number, resource: number): void {
    const { wire, columns } = this;
    const { buf, view } = wire;
    let pos = wire.pos;
    let time = 0;
    let observed = 0;
    let severity = 0;
    let textStart = 0;
    let textEnd = 0;
    let bodyStart = 0;
    let bodyEnd = 0;
    let trace = -1;
    while (pos < end) {
      const tag = buf[pos]!;
      if (tag === 0x09 || tag === 0x59) {
        if (pos + 9 > end) malformed('truncated number', pos);
        const at = (view.getUint32(pos + 5, true) * 4294967296 + view.getUint32(pos + 1, true)) / 1e6;
        if (tag === 0x09) time = at;
        else observed = at;
        pos += 9;
        continue;
      }
      // What nearly every record holds, with one-byte lengths; anything else takes the careful way below.
      const value = pos + 2;
      const length = buf[pos + 1]!;
      if (length < 128 && value + length <= end) {
        if (tag === 0x32 || tag === 0x52) {
          pos = value + length;
          continue;
        }
        if (tag === 0x10) {
          severity = length;
          pos = value;
          continue;
        }
        if (tag === 0x1a) {
          textStart = value;
          textEnd = value + length;
          pos = textEnd;
          continue;
        }
        if (tag === 0x4a && length === 16) {
          trace = value;
          pos = value + 16;
          continue;
        }
        if (tag === 0x2a && length > 1 && buf[value] === 0x0a && buf[value + 1] === length - 2) {
          bodyStart = value + 2;
          bodyEnd = value + length;
          pos = bodyEnd;
          continue;
        }
      }
      wire.pos = pos;
      const field = wire.tag(end);
      switch (field) {
        case 0x10:
          severity = wire.varint32(end);
          break;
        case 0x1a:
          textEnd = wire.span(end);
          textStart = wire.pos;
          wire.pos = textEnd;
          break;
        case 0x2a: {
          const stop = wire.span(end);
          const start = wire.pos;
          // The common case: an AnyValue that holds one string and nothing else.
          if (start < stop && buf[start] === 0x0a) {
            wire.pos = start + 1;
            bodyEnd = wire.span(stop);
            bodyStart = wire.pos;
          }
          if (bodyEnd !== stop || start >= stop) {
            const text = this.render(start, stop);
            bodyStart = text.start;
            bodyEnd = text.end;
          }
          wire.pos = stop;
          break;
        }
        case 0x4a: {
          const stop = wire.span(end);
          trace = stop - wire.pos === 16 ? wire.pos : -1;
          wire.pos = stop;
          break;
        }
        default:
          if (KNOWN_FIELDS.includes(field >>> 3))
            malformed(`LogRecord field ${field >>> 3} has wire type ${field & 7}`, pos);
          wire.skip(field, end);
      }
      pos = wire.pos;
    }
    wire.pos = end;
    if (time === 0) time = observed;
    if (time === 0) {
      if (this.rejected++ === 0) this.message = 'a log record without a time';
      return;
    }
    if (severity === 0 && textEnd > textStart) severity = severityOf(buf, textStart, textEnd);
    const i = columns.length;
    if (i === columns.time.length) columns.resize(i * 2);
    columns.length = i + 1;
    columns.resource[i] = resource;
    columns.time[i] = time;
    columns.severity[i] = severity >= 0 && severity <= 24 ? severity : 0;
    columns.bodyStart[i] = bodyStart;
    columns.bodyEnd[i] = bodyEnd;
    columns.trace[i] = trace;
    this.resources.sawTime(resource, time);
  }

  /** Renders a body that is no plain string; rendered texts stand behind the body in the buffer of the batch. */
  private render(start: number, end: number): { start: number; end: number } {
    const { wire } = this;
    const from = wire.buf.length + this.renderedSize;
    if (start === end) return { start: 0, end: 0 };
    wire.pos = start;
    let text = renderBytes(wire, end);
    if (text.length > MAX_RENDERED) text = text.subarray(0, MAX_RENDERED);
    this.rendered.push(text);
    this.renderedSize += text.length;
    return { start: from, end: from + text.length };
  }

  private deliver(body: Uint8Array, sink: SignalSink): void {
    const { columns, batch, resources, traceWords } = this;
    const { view } = this.wire;
    batch.buffer = body;
    if (this.renderedSize > 0) {
      batch.buffer = new Uint8Array(body.length + this.renderedSize);
      batch.buffer.set(body);
      let at = body.length;
      for (const text of this.rendered) {
        batch.buffer.set(text, at);
        at += text.length;
      }
    }
    for (let from = 0; from < columns.length; from += SLICE) {
      const n = Math.min(SLICE, columns.length - from);
      for (let k = 0; k < n; k++) {
        const i = from + k;
        const entry = resources.entries[columns.resource[i]!]!;
        batch.service[k] = entry.service;
        batch.instance[k] = entry.instance;
        batch.time[k] = columns.time[i]!;
        batch.severity[k] = columns.severity[i]!;
        batch.bodyStart[k] = columns.bodyStart[i]!;
        batch.bodyEnd[k] = columns.bodyEnd[i]!;
        const trace = columns.trace[i]!;
        const at = k * 4;
        for (let j = 0; j < 4; j++) traceWords[at + j] = trace < 0 ? 0 : view.getInt32(trace + j * 4, true);
      }
      batch.length = n;
      sink.logs(batch);
    }
  }
}

const NONE = new Uint8Array(0);
const KNOWN_FIELDS = [1, 2, 3, 5, 9, 11];

/** SeverityNumber of a severity text by its first letters, in any case; 0 when it says nothing known. */
export function severityOf(buf: Uint8Array, start: number, end: number): number {
  let word = 0;
  for (let i = 0; i < 3 && start + i < end; i++) word = (word << 8) | (buf[start + i]! | 0x20);
  return SEVERITIES.get(word) ?? 0;
}

const SEVERITIES = new Map<number, number>(
  (
    [
      ['tra', 1],
      ['fin', 1],
      ['deb', 5],
      ['inf', 9],
      ['not', 10],
      ['war', 13],
      ['err', 17],
      ['sev', 17],
      ['cri', 21],
      ['fat', 21],
      ['ale', 21],
      ['eme', 21],
      ['pan', 21],
    ] as const
  ).map(([word, severity]) => [(word.charCodeAt(0) << 16) | (word.charCodeAt(1) << 8) | word.charCodeAt(2), severity]),
);
