import type { Signal } from '../../domain/ports.ts';
import type { EpochMs } from '../../domain/units.ts';
import { SECOND } from '../../domain/units.ts';
import {
  encodeLogs,
  encodeMetrics,
  encodeSpans,
  type LogRecord,
  type MetricRecord,
  type Sender,
  type SpanRecord,
} from './otlp.ts';
import type { RecordedRequest } from './recorded.ts';
import type { Scenario } from './schema.ts';

/** Requests go out at the ends of steps this long; time passes in the same steps while nobody sends. */
export const STEP = 10 * SECOND;

interface Batch {
  readonly metrics: MetricRecord[];
  readonly logs: LogRecord[];
  readonly spans: SpanRecord[];
  readonly recorded: RecordedRequest[];
}

/** What a scenario sends, by the step in which it arrives. */
export class Timeline {
  readonly start: EpochMs;
  /** The newest time at which anything arrives. */
  end: EpochMs;
  readonly #scenario: Scenario;
  readonly #batches = new Map<number, Batch>();
  readonly #senders = new Map<string, Sender>();
  readonly #versions: ReadonlyMap<string, readonly { readonly at: EpochMs; readonly version: string }[]>;

  constructor(scenario: Scenario, start: EpochMs) {
    this.#scenario = scenario;
    this.start = start;
    this.end = start;
    const deploys = scenario.deploys
      .map((deploy) => ({ ...deploy, at: start + deploy.at }))
      .sort((a, b) => a.at - b.at);
    this.#versions = Map.groupBy(deploys, (deploy) => deploy.service);
  }

  /** Who sends for an instance at a time; the version is that of the last deploy, 1.0.0 before the first. */
  sender(service: string, instance: string, at: EpochMs): Sender {
    const deploys = this.#versions.get(service);
    const version = deploys === undefined ? '' : (deploys.findLast((deploy) => deploy.at <= at)?.version ?? '1.0.0');
    const key = `${service}\n${instance}\n${version}`;
    let sender = this.#senders.get(key);
    if (sender === undefined) {
      sender = { service, instance, version };
      this.#senders.set(key, sender);
    }
    return sender;
  }

  /** True while an outage keeps an instance from sending. */
  silent(service: string, instance: string, at: EpochMs): boolean {
    const offset = at - this.start;
    return this.#scenario.outages.some(
      (outage) =>
        (outage.service === '' || outage.service === service) &&
        (outage.instance === '' || outage.instance === instance) &&
        offset >= outage.during.from &&
        offset < outage.during.to,
    );
  }

  metric(record: MetricRecord, arrives: EpochMs): void {
    if (!this.silent(record.sender.service, record.sender.instance, record.at)) this.#at(arrives).metrics.push(record);
  }

  log(record: LogRecord): void {
    if (!this.silent(record.sender.service, record.sender.instance, record.at)) this.#at(record.at).logs.push(record);
  }

  span(record: SpanRecord): void {
    if (!this.silent(record.sender.service, record.sender.instance, record.start))
      this.#at(record.end).spans.push(record);
  }

  recorded(request: RecordedRequest): void {
    this.#at(request.at).recorded.push(request);
  }

  /** Requests that arrive in the step that ends at `at`, in a fixed order. */
  *requests(at: EpochMs): Generator<Pick<RecordedRequest, 'signal' | 'format' | 'body'>> {
    const batch = this.#batches.get(at);
    if (batch === undefined) return;
    const bodies: readonly (readonly [Signal, number, () => Uint8Array])[] = [
      ['metrics', batch.metrics.length, () => encodeMetrics(batch.metrics)],
      ['traces', batch.spans.length, () => encodeSpans(batch.spans)],
      ['logs', batch.logs.length, () => encodeLogs(batch.logs.sort((a, b) => a.at - b.at))],
    ];
    for (const [signal, length, body] of bodies)
      if (length > 0) yield { signal, format: 'otlp-protobuf', body: body() };
    yield* batch.recorded.sort((a, b) => a.at - b.at);
  }

  #at(arrives: EpochMs): Batch {
    this.end = Math.max(this.end, arrives);
    const step = Math.ceil(arrives / STEP) * STEP;
    let batch = this.#batches.get(step);
    if (batch === undefined) {
      batch = { metrics: [], logs: [], spans: [], recorded: [] };
      this.#batches.set(step, batch);
    }
    return batch;
  }
}
