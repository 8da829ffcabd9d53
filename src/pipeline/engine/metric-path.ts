import { type AlwaysOnOptions, alwaysOnWeights, createAlwaysOn } from '../../detect/registry.ts';
import type { Silence } from '../../detect/silence/silence.ts';
import { compilePolicies } from '../../domain/alerting/policy.ts';
import type { Evidence } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import type { RowKeeper } from '../../domain/live-rows.ts';
import { createPointBatch, type HistogramBatch, type PointBatch } from '../../domain/signal/batch.ts';
import type { WindowRows } from '../../domain/signal/history.ts';
import { MODALITY, type Modality, SERIES_KIND } from '../../domain/signal/series.ts';
import type { EpochMs } from '../../domain/units.ts';
import { createEventTime, type EventTime } from '../../features/event-time/event-time.ts';
import { createPercentile } from '../../features/percentile/percentile.ts';
import { createRate } from '../../features/rate/rate.ts';
import { createWindows } from '../../features/window/window.ts';
import { evidenceText, signalName } from '../../fuse/explain/explain.ts';
import { isGoodNews } from '../../fuse/explain/signal-names.ts';
import { createSeriesFusion } from '../../fuse/series-fusion.ts';
import { createSeriesScores, type SeriesScores } from '../../fuse/series-scores.ts';
import { createServiceFusion, type ServiceFusion } from '../../fuse/service/service.ts';
import type { ShardSeriesTable } from '../../ingest/series/series-table.ts';
import { ModelPath } from '../models/model-path.ts';
import { PolicyTable } from '../policy/policy-table.ts';
import { zoneOffset } from '../routing/zones.ts';
import type { Settings } from '../settings.ts';
import { type Findings, restoreFindings, saveFindings } from './findings.ts';
import { SignMemory } from './sign-memory.ts';

const MODALITY_NAMES = Object.keys(MODALITY) as Modality[];
/** Below p = 1e-3 a sample's reason is kept until the tick ends. */
const STRANGE = 3;
const MAX_FINDINGS = 8_192;

/** Everything that happens to a sample in a shard, from its decoded column to its p-value, windows and evidence. */
export class MetricPath {
  readonly eventTime: EventTime;
  readonly policy: PolicyTable;
  /** What looks at services and chosen series behind the ticks. */
  readonly models: ModelPath;
  scored = 0;
  /** Told of the rows of series before they change, while a snapshot is being written. */
  keeper: RowKeeper | null = null;
  readonly #table: ShardSeriesTable;
  readonly #service: ServiceFusion;
  readonly #silence: Silence;
  readonly #rate = createRate();
  readonly #percentile = createPercentile();
  readonly #windows = createWindows();
  readonly #sign = new SignMemory();
  readonly #fusion;
  /** Why series were strange in the open tick. */
  #findings: Findings = new Map();
  #scores: SeriesScores = createSeriesScores(2_048);
  #late = createPointBatch(0);
  #capacity = 0;
  readonly #onSlice = (slice: PointBatch): void => this.#score(slice);
  readonly #onLate = (batch: PointBatch): void => this.#foldLate(batch);

  constructor(table: ShardSeriesTable, service: ServiceFusion, silence: Silence, settings: Settings) {
    this.#table = table;
    this.#service = service;
    this.#silence = silence;
    this.policy = new PolicyTable(compilePolicies(settings.policies), zoneOffset, (series) => table.describe(series));
    this.models = new ModelPath(table, service, settings, this.policy);
    this.eventTime = createEventTime(settings.ingest.event_time);
    const detectors = createAlwaysOn({
      detectors: settings.detect.series,
      off: settings.detect.off,
    } as AlwaysOnOptions);
    this.#fusion = createSeriesFusion(detectors, { weights: alwaysOnWeights(), gate: settings.detect.learning });
  }

  get bytesPerSeries(): number {
    return (
      this.#fusion.bytesPerSeries +
      this.eventTime.bytesPerSeries +
      this.#rate.bytesPerSeries +
      this.#percentile.bytesPerSeries +
      this.#windows.bytesPerSeries +
      this.#sign.bytesPerSeries +
      this.models.bytesPerSeries
    );
  }

  points(batch: PointBatch, wallNow: EpochMs): void {
    this.#prepare();
    this.keeper?.keep(batch.series, batch.length);
    this.eventTime.admit(batch, wallNow, this.#onSlice, this.#onLate);
    this.#silence.observeGaps(this.eventTime.gaps);
  }

  histograms(batch: HistogramBatch, wallNow: EpochMs): void {
    this.#prepare();
    const derived = this.#percentile.apply(batch, this.#table);
    if (derived.length > 0) this.derived(derived, wallNow);
  }

  /** Samples of computed series: a percentile, a RED figure, a log rate. */
  derived(batch: PointBatch, wallNow: EpochMs): void {
    this.#table.touchBatch(batch);
    this.points(batch, wallNow);
  }

  /** Closes the windows that ended by `watermark` and looks at services by them; the rows are the caller's. */
  closeWindows(watermark: EpochMs): WindowRows {
    this.keeper?.keepAll();
    const windows = this.#windows.close(watermark);
    this.models.tick(windows, watermark, this.eventTime.interval);
    return windows;
  }

  /** Evidence for a series that was strange in the open tick. */
  readonly describe = (series: number, surprise: number): Evidence | null => {
    const finding = this.#findings.get(series);
    if (finding === undefined) return null;
    const info = this.#table.describe(series);
    const facts = {
      series: info.id,
      service: info.service,
      modality: MODALITY_NAMES[this.#table.modality[series]!] ?? 'metric',
      metric: info.metric,
      unit: info.unit,
      labels: info.labels,
      instance: info.instance,
      kind: finding.reason.kind,
      at: finding.at,
      onset: finding.reason.onset,
      p: 10 ** -surprise,
      value: finding.value,
      expected: finding.expected,
      lower: finding.lower,
      upper: finding.upper,
    };
    if (isGoodNews(facts) && this.policy.rangeText(series, finding.value) === null) return null;
    const { contributions } = finding.reason;
    const outside = this.policy.rangeText(series, finding.value);
    const text = outside === null ? evidenceText(facts) : `${evidenceText(facts)}, ${outside}`;
    return { ...facts, contributions, text, name: signalName(facts) };
  };

  endTick(): void {
    this.#findings.clear();
  }

  evict(series: number): void {
    this.keeper?.keepRow(series);
    this.eventTime.reset(series);
    this.#rate.reset(series);
    this.#percentile.reset(series);
    this.#windows.reset(series);
    this.#sign.reset(series);
    this.#fusion.reset(series);
    this.models.forget(series);
    this.policy.reset(series);
  }

  /** `live`: the rows of series stay in place, to be copied by `keeper`. */
  save(live = false): Record<string, StateBlob> {
    return {
      'event-time': this.eventTime.save(live),
      rate: this.#rate.save(live),
      percentile: this.#percentile.save(),
      windows: this.#windows.save(live),
      sign: this.#sign.save(),
      ...this.#fusion.save(live),
      ...this.models.save(),
      findings: saveFindings(this.#findings),
      policy: this.policy.save(),
    };
  }

  restore(parts: Readonly<Record<string, StateBlob>>): void {
    this.#prepare();
    this.eventTime.restore(parts['event-time']!);
    this.#rate.restore(parts['rate']!);
    this.#percentile.restore(parts['percentile']!);
    this.#windows.restore(parts['windows']!);
    this.#sign.restore(parts['sign']!);
    this.#fusion.restore(parts as Record<string, StateBlob>);
    this.models.restore(parts);
    this.#findings = restoreFindings(parts['findings']!);
    this.policy.restore(parts['policy']);
  }

  /** Room for every series of the table; a new pod's series starts from its sibling's state, a taken-over counter afresh. */
  #prepare(): void {
    if (this.#table.size > this.#capacity) {
      let capacity = Math.max(1_024, this.#capacity);
      while (capacity < this.#table.size) capacity *= 2;
      this.#capacity = capacity;
      for (const part of [
        this.eventTime,
        this.#rate,
        this.#percentile,
        this.#windows,
        this.#sign,
        this.#fusion,
        this.#silence,
        this.policy,
      ])
        part.grow(capacity);
    }
    for (const { series, from } of this.#table.drainInheritance()) {
      this.keeper?.keepRow(series);
      this.#fusion.copy(from, series);
      this.#sign.copy(from, series);
      this.#silence.copy(from, series);
    }
    for (const series of this.#table.drainTakeovers()) {
      this.keeper?.keepRow(series);
      this.#rate.reset(series);
      this.#percentile.reset(series);
      this.#silence.succeed(series, this.eventTime.watermark());
    }
  }

  #score(slice: PointBatch): void {
    const table = this.#table;
    this.#rate.apply(slice, table.kind, this.eventTime.interval);
    if (slice.length === 0) return;
    if (slice.length > this.#scores.surprise.length) this.#scores = createSeriesScores(slice.length * 2);
    const scores = this.#scores;
    this.#silence.observe(slice, this.eventTime.interval);
    this.#fusion.observe(slice, scores);
    this.#sign.bound(slice, scores);
    this.policy.apply(slice, scores);
    this.#service.observe(slice.series, scores.evidence, slice.length, table.service, table.modality);
    this.#windows.observe(slice, scores.surprise, scores.expected, scores.lower, scores.upper);
    this.scored += slice.length;
    const { evidence } = scores;
    for (let i = 0; i < slice.length; i++) if (evidence[i]! > STRANGE) this.#keep(slice, i);
  }

  #keep(slice: PointBatch, i: number): void {
    const series = slice.series[i]!;
    const surprise = this.#scores.evidence[i]!;
    const before = this.#findings.get(series);
    if (before === undefined ? this.#findings.size >= MAX_FINDINGS : before.surprise >= surprise) return;
    this.#findings.set(series, {
      at: slice.time[i]!,
      surprise,
      value: slice.value[i]!,
      expected: this.#scores.expected[i]!,
      lower: this.#scores.lower[i]!,
      upper: this.#scores.upper[i]!,
      reason: this.#scores.explain(i),
    });
  }

  /** A late running total is no value of anything: only what is scored as it is goes to windows. */
  #foldLate(batch: PointBatch): void {
    const { kind } = this.#table;
    if (this.#late.series.length < batch.length) this.#late = createPointBatch(batch.length * 2);
    const late = this.#late;
    late.length = 0;
    for (let i = 0; i < batch.length; i++) {
      const k = kind[batch.series[i]!]!;
      if (k !== SERIES_KIND.gauge && k !== SERIES_KIND.upDown && k !== SERIES_KIND.derived) continue;
      late.series[late.length] = batch.series[i]!;
      late.time[late.length] = batch.time[i]!;
      late.value[late.length++] = batch.value[i]!;
    }
    if (late.length === 0) return;
    this.#windows.observeLate(late);
  }
}

/** Service fusion over the series of a shard's table. */
export function fusionOf(table: ShardSeriesTable, settings: Settings): ServiceFusion {
  return createServiceFusion(
    (service) => table.describeService(service),
    settings.detect.service,
    (series) => table.describe(series).metric,
  );
}
