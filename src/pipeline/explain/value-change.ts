import type { ServiceTick } from '../../domain/anomaly.ts';
import type { Counterfactual } from '../../domain/replay/backtest.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { SERIES_KIND, type SeriesInfo } from '../../domain/signal/series.ts';
import type { EpochMs } from '../../domain/units.ts';
import { ShardSeriesTable } from '../../ingest/series/series-table.ts';
import { readInputLog } from '../../store/input-log/input-log.ts';
import { readSnapshot } from '../../store/snapshot/file-snapshot-store.ts';
import { anchorBefore, type InputAnchor, inputFolder, type Retained } from '../backtest/retained.ts';
import { MetricInput } from '../engine/metric-input.ts';
import { ShardEngine, type ShardEngineOptions, TICK } from '../engine/shard-engine.ts';
import type { Settings } from '../settings.ts';
import { applyFrame } from '../shard/log-kinds.ts';
import type { Frozen } from './explain.ts';
import { NOT_NARROWED, type Search } from './search.ts';

/** A series is strange below this. */
const STRANGE_P = 1e-3;
/** A larger state is not copied about for an explanation. */
const LARGEST_STATE = 256 * 1024 * 1024;
const DOUBLINGS = 14;
/** A two-hundred-and-fiftieth of the way: each run copies the state. */
const HALVINGS = 8;
/** More reports than any two ticks give, the provisional ones of each service counted. */
const REPORTS_BEFORE = 200;

interface Alteration {
  readonly series: number;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly value: number;
}

/** The engine, with the samples of one series replaced for a while. */
class AlteredEngine extends ShardEngine {
  alteration: Alteration | null = null;

  override points(batch: PointBatch): void {
    const change = this.alteration;
    if (change !== null)
      for (let i = 0; i < batch.length; i++)
        if (batch.series[i] === change.series && batch.time[i]! > change.from && batch.time[i]! <= change.to)
          batch.value[i] = change.value;
    super.points(batch);
  }
}

interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/**
 * At which value a series would (or would no longer) have been strange in a tick: its samples of that tick are replaced, and the
 * input runs through the detectors again, from a little before. Null when it does not turn, or too little is kept to say; series
 * that are computed (rates of spans, percentiles of histograms) have no samples of their own to replace. `unsearched` when the
 * search was spent before any value was found.
 */
export function turningValue(
  retained: Retained,
  moment: Frozen,
  series: { readonly id: string; readonly name: string },
  search: Search,
): Counterfactual | 'unsearched' | null {
  const { shard, sequence } = moment.report;
  const anchor = anchorBefore(retained, shard, Math.max(0, sequence - REPORTS_BEFORE));
  if (anchor === null) return null;
  const found = prepare(retained, anchor, moment, series.id, search);
  if (found === null || found === 'unsearched') return found;
  const { run, value, expected } = found;
  const was = isStrange(moment.tick, series.id);
  const turned = (at: number): boolean => isStrange(run(at), series.id) !== was;
  const far = was ? expected : farValue(value, expected, turned, search);
  if (far === 'unsearched') return far;
  if (far === null || !Number.isFinite(far) || !turned(far)) return null;
  let near = value;
  let there = far;
  let narrowed = true;
  for (let i = 0; i < HALVINGS; i++) {
    narrowed = !search.spent();
    if (!narrowed) break;
    const middle = (near + there) / 2;
    if (turned(middle)) there = middle;
    else near = middle;
  }
  // Shown is what was run: rounded away from the value, where it still turns.
  const shown = narrowed ? ([3, 5, 9].map((digits) => Number(there.toPrecision(digits))).find(turned) ?? there) : there;
  const side = shown > value ? 'or more' : 'or less';
  const verb = was ? 'would have been ordinary' : 'would have been strange';
  return {
    what: `value of ${series.name}`,
    before: plain(value),
    after: plain(shown),
    text: `With a value of ${plain(shown)} ${side} (it was ${plain(value)}) ${series.name} ${verb} (p ${was ? 'above' : 'below'} ${STRANGE_P})${narrowed ? '' : NOT_NARROWED}.`,
    verified: true,
  };
}

const isStrange = (tick: ServiceTick | null, id: string): boolean =>
  tick?.evidence.some((e) => e.series === id && e.p < STRANGE_P) ?? false;

function farValue(
  value: number,
  expected: number,
  turned: (at: number) => boolean,
  search: Search,
): number | 'unsearched' | null {
  const sign = value >= expected || !Number.isFinite(expected) ? 1 : -1;
  let step = Math.max(Math.abs(value - expected) || 0, 0.05 * Math.abs(value), 1e-9);
  for (let i = 0; i < DOUBLINGS; i++, step *= 2) {
    if (search.spent()) return 'unsearched';
    if (turned(value + sign * step)) return value + sign * step;
  }
  return null;
}

interface Prepared {
  /** The tick of the service with the value replaced. */
  readonly run: (value: number) => ServiceTick | null;
  readonly value: number;
  readonly expected: number;
}

/** The engine shortly before the tick, and the frames from there until its report. */
function prepare(
  retained: Retained,
  anchor: InputAnchor,
  moment: Frozen,
  id: string,
  search: Search,
): Prepared | 'unsearched' | null {
  const { report, settings, tick } = moment;
  const parts = anchor.snapshot === null ? null : readSnapshot(anchor.snapshot.path).parts;
  let series = parts === null ? -1 : indexOf(parts['series']!, settings, id);
  const input = new MetricInput();
  let reports: TickReport[] = [];
  const make = (): AlteredEngine => {
    const options: ShardEngineOptions = { shard: anchor.shard, settings, emit: (one) => reports.push(one) };
    return new AlteredEngine(options);
  };
  const engine = make();
  if (parts !== null) engine.restore(parts);
  // All samples of the tick come after the one two before it was closed.
  const calm = tick.at - 2 * TICK;
  let state: ReturnType<ShardEngine['save']> | null = null;
  const frames: Frame[] = [];
  for (const frame of readInputLog(inputFolder(retained.dataDir, anchor.shard), anchor.snapshot?.position ?? 0)) {
    if (search.spent()) return 'unsearched';
    if (state !== null) frames.push(frame);
    step(engine, input, frame);
    for (const one of reports) {
      for (const added of one.newSeries) if (added.info.id === id && isPlain(added.info)) series = added.index;
      if (state === null && !one.provisional && one.at >= calm) {
        if (engine.stats().stateBytes > LARGEST_STATE) return null;
        state = structuredClone(engine.save());
      }
    }
    if (reports.some((one) => one.sequence >= report.sequence)) break;
    reports = [];
  }
  if (state === null || series < 0) return null;
  const kept = state;
  const run = (value: number): ServiceTick | null => {
    reports = [];
    const again = make();
    again.restore(structuredClone(kept));
    again.alteration = { series, from: tick.at - TICK, to: tick.at, value };
    for (const frame of frames) step(again, input, frame);
    const same = reports.find((one) => one.at === report.at && one.provisional === report.provisional);
    return same?.services.find(({ service }) => service === tick.service) ?? null;
  };
  const seen = tick.evidence.find((e) => e.series === id);
  if (seen !== undefined) return { run, value: seen.value, expected: seen.expected };
  const last = lastValue(frames, make(), kept, input, series, tick.at);
  return last === null ? null : { run, value: last, expected: Number.NaN };
}

/** The newest sample of a series in the tick, where no evidence has it. */
function lastValue(
  frames: readonly Frame[],
  engine: AlteredEngine,
  state: ReturnType<ShardEngine['save']>,
  input: MetricInput,
  series: number,
  at: EpochMs,
): number | null {
  let value: number | null = null;
  const spy = engine.points.bind(engine);
  engine.points = (batch) => {
    for (let i = 0; i < batch.length; i++)
      if (batch.series[i] === series && batch.time[i]! > at - TICK && batch.time[i]! <= at) value = batch.value[i]!;
    spy(batch);
  };
  engine.restore(structuredClone(state));
  for (const frame of frames) step(engine, input, frame);
  return value;
}

/** Its samples are its values: no rate, no percentile. */
const isPlain = ({ kind }: SeriesInfo): boolean => kind === SERIES_KIND.gauge || kind === SERIES_KIND.upDown;

function indexOf(part: Parameters<ShardSeriesTable['restore']>[0], settings: Settings, id: string): number {
  const table = new ShardSeriesTable({ maxSeriesPerTenant: settings.ingest.max_series_per_tenant });
  table.restore(part);
  for (let i = 0; i < table.size; i++) {
    const info = table.describe(i);
    if (info.id === id) return isPlain(info) ? i : -1;
  }
  return -1;
}

function step(engine: ShardEngine, input: MetricInput, frame: Frame): void {
  try {
    applyFrame(engine, input, frame.kind, frame.payload);
  } catch {
    // What was refused when it came is refused again.
  }
}

const plain = (value: number): string => Number(value.toPrecision(9)).toString();
