import { createSilence } from '../../detect/silence/silence.ts';
import type { EdgeTick, Evidence, ServiceTick } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import type { RowKeeper } from '../../domain/live-rows.ts';
import type { IntakeResult, PayloadFormat, Signal, SignalSink } from '../../domain/ports.ts';
import type { DeployMarker, HistogramBatch, LogBatch, PointBatch, SpanBatch } from '../../domain/signal/batch.ts';
import { createWindowRows, type TickReport, type WindowRows } from '../../domain/signal/history.ts';
import type { SeriesTable } from '../../domain/signal/series.ts';
import { type DurationMs, type EpochMs, MINUTE, SECOND } from '../../domain/units.ts';
import { signalName } from '../../fuse/explain/explain.ts';
import type { ServiceFusion } from '../../fuse/service/service.ts';
import { ShardSeriesTable } from '../../ingest/series/series-table.ts';
import type { Settings } from '../settings.ts';
import { createDecode, type Decode, readMetrics } from './decoders.ts';
import { DerivedPoints } from './derived-points.ts';
import { GRACE, LONGEST_PAUSE, newestTime, RETURN_GRACE } from './event-clock.ts';
import { LogPath } from './log-path.ts';
import type { MetricInput } from './metric-input.ts';
import { fusionOf, MetricPath } from './metric-path.ts';
import { NewSeries } from './new-series.ts';
import { PIPELINE_SERVICE, PipelineSilence, silenceEvidence } from './silence-evidence.ts';
import { TracePath } from './trace-path.ts';

export const TICK: DurationMs = 10 * SECOND;
const EVICT_EVERY: DurationMs = MINUTE;
/** Example traces are looked up for services at least this strange. */
const EXAMPLE_P = 1e-2;
const NO_WINDOWS = createWindowRows(0);

export interface ShardEngineOptions {
  readonly shard: number;
  readonly settings: Settings;
  readonly emit: (report: TickReport) => void;
  /** Hears of series that were forgotten; their rows will be given to others. */
  readonly onEvict?: (series: readonly number[]) => void;
}

/** Counters since the engine was made, and how far it is in event time. */
export type ShardStats = Readonly<ReturnType<ShardEngine['stats']>>;

/**
 * All that happens in one shard, as a deterministic state machine: the same calls in the same order with the same
 * arguments give the same reports and the same state, bit by bit. Wall time comes in as an argument only.
 */
export class ShardEngine implements SignalSink {
  readonly #options: ShardEngineOptions;
  readonly #table: ShardSeriesTable;
  readonly #decode: Decode;
  readonly #service: ServiceFusion;
  readonly #metrics: MetricPath;
  readonly #logs: LogPath;
  readonly #traces: TracePath;
  readonly #silence;
  readonly #newSeries = new NewSeries();
  readonly #pipelineSilence = new PipelineSilence();
  readonly #logPoints: DerivedPoints;
  readonly #tracePoints: DerivedPoints;
  readonly #serviceIndex = new Map<string, number>();
  readonly #names = (service: number): string => {
    const name = this.#table.describeService(service).service;
    this.#serviceIndex.set(name, service);
    return name;
  };
  #deploys: DeployMarker[] = [];
  #wall: EpochMs = 0;
  #lastInput: EpochMs = 0;
  #watermark: EpochMs = 0;
  #tickEnd: EpochMs = 0;
  #evictAt: EpochMs = 0;
  #judgeSilenceFrom: EpochMs = 0;
  #sequence = 0;

  constructor(options: ShardEngineOptions) {
    const { settings } = options;
    this.#options = options;
    const decoder = new TextDecoder();
    const text = (bytes: Uint8Array): string => decoder.decode(bytes);
    this.#table = new ShardSeriesTable({ maxSeriesPerTenant: settings.ingest.max_series_per_tenant });
    this.#decode = createDecode(this.#table);
    this.#service = fusionOf(this.#table, settings);
    this.#silence = createSilence(settings.detect.silence);
    this.#metrics = new MetricPath(this.#table, this.#service, this.#silence, settings);
    this.#logs = new LogPath(text, settings);
    this.#traces = new TracePath(text, settings);
    this.#logPoints = new DerivedPoints(this.#table, 'log');
    this.#tracePoints = new DerivedPoints(this.#table, 'trace');
  }

  /** Told of the rows of series before they change, until a snapshot of `save(true)` is written. */
  set keeper(keeper: RowKeeper | null) {
    this.#metrics.keeper = keeper;
  }

  /** Number of the next report. */
  get sequence(): number {
    return this.#sequence;
  }

  /**
   * Decodes a body and takes in what it holds. What follows from it is emitted before this returns.
   * @throws TocsinError `bad_payload`: then nothing of the body was taken.
   */
  accept(signal: Signal, format: PayloadFormat, body: Uint8Array, tenant: string, wallNow: EpochMs): IntakeResult {
    this.#at(wallNow);
    const result = this.#decode(signal, format, body, tenant, this);
    this.#taken(wallNow);
    return result;
  }

  /**
   * First half of `accept` for a metrics body: decodes it and numbers its series, but takes nothing in yet. `plain` says that
   * `input` alone, through `applyColumns`, would lead to the same state; otherwise only the body does.
   * @throws TocsinError `bad_payload`: then nothing of the body was taken.
   */
  read(
    format: PayloadFormat,
    body: Uint8Array,
    tenant: string,
    wallNow: EpochMs,
    input: MetricInput,
  ): { readonly result: IntakeResult; readonly plain: boolean } {
    this.#table.horizon = wallNow + this.#options.settings.ingest.event_time.max_future;
    return readMetrics(this.#table, this.#decode, format, body, tenant, input);
  }

  /** Second half: takes in what `read` found. What follows from it is emitted before this returns. */
  apply(input: MetricInput, wallNow: EpochMs): void {
    this.#at(wallNow);
    input.deliver(this);
    this.#taken(wallNow);
  }

  /** Does to the state what `read` and `apply` did when `input` was plain. */
  applyColumns(input: MetricInput, wallNow: EpochMs): void {
    this.#at(wallNow);
    input.noteVersions(this.#table.names);
    this.#table.touchBatch(input.pointColumns);
    this.#table.touchBatch(input.histogramColumns);
    this.apply(input, wallNow);
  }

  #at(wallNow: EpochMs): void {
    this.#wall = wallNow;
    this.#table.horizon = wallNow + this.#options.settings.ingest.event_time.max_future;
  }

  #taken(wallNow: EpochMs): void {
    this.#lastInput = wallNow;
    this.#advance(this.#watermark);
    this.#urgent();
  }

  /** True when time alone would close a tick: the input pauses, and event time goes on with the clock. */
  wantsTime(wallNow: EpochMs): boolean {
    return this.#tickEnd > 0 && this.#watermark + (wallNow - this.#lastInput) >= this.#tickEnd + GRACE;
  }

  /** Lets time pass without input. Must be part of the input log, as bodies are. */
  passTime(wallNow: EpochMs): void {
    this.#wall = wallNow;
    if (this.#tickEnd > 0) this.#advance(this.#watermark + Math.max(0, wallNow - this.#lastInput));
  }

  /**
   * Event time as somebody knows it who sees all senders: a shard without input of its own closes its ticks with the others.
   * Without news, time goes on with the clock as `passTime` lets it.
   */
  reach(watermark: EpochMs, wallNow: EpochMs): void {
    if (watermark > this.#watermark) {
      this.#at(wallNow);
      this.#reach(Float64Array.of(watermark), 1);
      this.#lastInput = wallNow;
    } else this.passTime(wallNow);
  }

  get table(): SeriesTable {
    return this.#table;
  }

  /**
   * The process starts (again): the time it was away is not silence of the senders. Back within the grace that every tick
   * waits anyhow, nobody can have missed it, and nothing changes.
   */
  resume(wallNow: EpochMs): void {
    if (wallNow - this.#wall <= GRACE) return;
    this.#lastInput = wallNow;
    this.#judgeSilenceFrom = this.#tickEnd + RETURN_GRACE;
  }

  points(batch: PointBatch): void {
    this.#reach(batch.time, batch.length);
    this.#metrics.points(batch, this.#wall);
  }

  histograms(batch: HistogramBatch): void {
    this.#reach(batch.time, batch.length);
    this.#metrics.histograms(batch, this.#wall);
  }

  logs(batch: LogBatch): void {
    this.#reach(batch.time, batch.length);
    this.#logs.observe(batch);
  }

  spans(batch: SpanBatch): void {
    this.#reach(batch.end, batch.length);
    this.#traces.observe(batch);
  }

  deploy(marker: DeployMarker): void {
    this.#deploys.push(marker);
    const service = this.#serviceIndex.get(marker.service);
    if (service !== undefined) this.#logs.deploy(service, marker.at);
  }

  stale(series: number, at: EpochMs): void {
    this.#table.markStale(series);
    this.#silence.grow(this.#table.size);
    this.#silence.stale(series, at);
  }

  /**
   * Goes on to the newest of these times first: what a batch brings belongs to its own tick, not to one that is over.
   */
  #reach(time: Float64Array, length: number): void {
    const newest = newestTime(time, length, this.#wall, this.#options.settings.ingest.event_time.max_future);
    if (newest > this.#watermark) {
      if (this.#tickEnd === 0) this.#tickEnd = Math.floor(newest / TICK) * TICK + TICK;
      this.#watermark = newest;
    }
    this.#advance(this.#watermark);
  }

  /** Closes every tick that ended, with grace, by `now` in event time. */
  #advance(now: EpochMs): void {
    while (this.#tickEnd > 0 && now >= this.#tickEnd + GRACE) {
      this.#closeTick(this.#tickEnd);
      this.#tickEnd += TICK;
      if (now - this.#tickEnd > LONGEST_PAUSE) {
        this.#tickEnd = Math.floor(now / TICK) * TICK;
        this.#judgeSilenceFrom = this.#tickEnd + RETURN_GRACE;
      }
    }
  }

  #closeTick(at: EpochMs): void {
    const serviceNamed = (name: string): number => this.#serviceIndex.get(name) ?? -1;
    this.#logPoints.begin();
    this.#tracePoints.begin();
    const evidence = this.#logs.closeTick(at, TICK, this.#names, this.#logPoints);
    const traces = this.#traces.closeTick(at, TICK, this.#names, serviceNamed, this.#tracePoints);
    evidence.push(...traces.evidence);
    for (const points of [this.#logPoints, this.#tracePoints])
      if (points.batch.length > 0) this.#metrics.derived(points.batch, Math.max(this.#wall, at));
    evidence.push(...this.#silent(at));
    for (const item of evidence) {
      const service = serviceNamed(item.service);
      if (service >= 0 && this.#metrics.policy.passes(this.#table.describeService(service).tenant, item))
        this.#service.addEvidence(service, { ...item, name: signalName(item) });
    }
    const windows = this.#metrics.closeWindows(at);
    const services = this.#pipelineSilence.complete(this.#service.close(at, this.#metrics.describe), at);
    this.#metrics.models.judged(services, serviceNamed);
    this.#metrics.endTick();
    this.#report(at, false, services, traces.edges, windows);
    this.#evict(at);
  }

  #silent(at: EpochMs): Evidence[] {
    if (at < this.#judgeSilenceFrom) return [];
    const { lastSeen, interval, lag } = this.#metrics.eventTime;
    const findings = this.#silence.scan(at, lastSeen, interval, lag, this.#table);
    return findings.flatMap((finding) => {
      if (finding.status !== 'open') return [];
      const evidence = silenceEvidence(finding, at, this.#table);
      this.#serviceIndex.set(evidence.service, this.#table.ensureService(finding.tenant, evidence.service));
      if (evidence.service === PIPELINE_SERVICE) this.#pipelineSilence.silent(finding.tenant, at);
      return [evidence];
    });
  }

  /** Services that cannot wait for the end of the tick. */
  #urgent(): void {
    const services: ServiceTick[] = [];
    for (const service of this.#service.takeUrgent()) {
      const tick = this.#service.provisional(service, this.#tickEnd, this.#metrics.describe);
      if (tick !== null) services.push(tick);
    }
    if (services.length > 0) this.#report(this.#tickEnd, true, services, [], NO_WINDOWS);
  }

  #report(
    at: EpochMs,
    provisional: boolean,
    services: readonly ServiceTick[],
    edges: readonly EdgeTick[],
    windows: WindowRows,
  ): void {
    const evidence = services.flatMap((tick) => (tick.p <= EXAMPLE_P ? tick.evidence : []));
    const final = !provisional;
    const report: TickReport = {
      shard: this.#options.shard,
      sequence: this.#sequence++,
      at,
      provisional,
      services,
      edges,
      deploys: final ? this.#deploys : [],
      templates: final ? this.#logs.newTemplates(this.#names) : [],
      traces: this.#traces.examples(evidence, this.#names),
      decisions: final ? this.#metrics.policy.take(at) : [],
      newSeries: final ? this.#newSeries.take(this.#table) : [],
      windows,
    };
    if (final) this.#deploys = [];
    this.#metrics.models.meet(report.newSeries);
    this.#options.emit(report);
  }

  #evict(at: EpochMs): void {
    if (at < this.#evictAt) return;
    this.#evictAt = at + EVICT_EVERY;
    const evicted = this.#table.evictIdle(at - this.#options.settings.ingest.series_idle_after);
    for (const { series } of evicted) {
      this.#metrics.evict(series);
      this.#silence.reset(series);
      this.#newSeries.forget(series);
    }
    if (evicted.length > 0) this.#options.onEvict?.(evicted.map(({ series }) => series));
  }

  // ---------------------------------------------------------------- state

  stats() {
    const perSeries = this.#metrics.bytesPerSeries + this.#silence.bytesPerSeries;
    return {
      series: this.#table.liveCount,
      services: this.#table.serviceCount(),
      points: this.#metrics.scored,
      logs: this.#logs.lines,
      spans: this.#traces.spans,
      refusedSeries: this.#table.refusedTotal,
      ...this.#metrics.eventTime.counters,
      stateBytes: this.#table.bytes() + perSeries * this.#table.size,
      watermark: this.#watermark,
      promoted: this.#metrics.models.coverage(this.#watermark),
    };
  }

  /** Everything a restart needs. With `live` the rows of series stay in place: `keeper` must hear of their changes. */
  save(live = false): Record<string, StateBlob> {
    const times = [this.#lastInput, this.#watermark, this.#tickEnd, this.#evictAt, this.#judgeSilenceFrom, this.#wall];
    return {
      series: this.#table.save(live),
      ...this.#metrics.save(live),
      ...this.#logs.save(),
      ...this.#traces.save(),
      silence: this.#silence.save(live),
      service: this.#service.save(),
      engine: {
        version: 1,
        arrays: { described: this.#newSeries.save() },
        meta: {
          times,
          sequence: this.#sequence,
          deploys: this.#deploys,
          services: [...this.#serviceIndex],
          pipelineSilence: this.#pipelineSilence.save(),
        },
      },
    };
  }

  restore(parts: Readonly<Record<string, StateBlob>>): void {
    this.#table.restore(parts['series']!);
    this.#metrics.restore(parts);
    this.#logs.restore(parts);
    this.#traces.restore(parts);
    this.#silence.grow(this.#table.size);
    this.#silence.restore(parts['silence']!);
    this.#service.restore(parts['service']!);
    const own = parts['engine']!;
    const meta = own.meta as {
      times: number[];
      sequence: number;
      deploys: DeployMarker[];
      services: [string, number][];
      pipelineSilence: [string, number][];
    };
    [this.#lastInput, this.#watermark, this.#tickEnd, this.#evictAt, this.#judgeSilenceFrom, this.#wall] =
      meta.times as [number, number, number, number, number, number];
    this.#sequence = meta.sequence;
    this.#deploys = [...meta.deploys];
    this.#newSeries.restore(own.arrays['described'] as Uint8Array);
    for (const [name, index] of meta.services) this.#serviceIndex.set(name, index);
    this.#pipelineSilence.restore(meta.pipelineSilence);
  }
}
