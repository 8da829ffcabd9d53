import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { HistogramBatch, PointBatch } from '../../domain/signal/batch.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { SERIES_KIND, type SeriesTable } from '../../domain/signal/series.ts';
import type { SeriesIndex } from '../../domain/units.ts';
import { derivedMetric, HISTOGRAM_FEATURES } from '../spec.ts';
import { bucketQuantile, createBuckets } from './buckets.ts';

export interface PercentileCounters {
  /** Cumulative histograms that started again. */
  resets: number;
  /** Samples not after their series' last: left out. */
  late: number;
  /** Samples whose buckets do not ascend, or hold negative or non-finite counts: left out. */
  malformed: number;
}

export interface Percentile {
  /** What every series takes; a histogram takes 60 more, and 16 bytes a bucket in a shared arena. */
  readonly bytesPerSeries: number;
  readonly counters: Readonly<PercentileCounters>;
  readonly arenaBytes: number;
  grow(capacity: number): void;
  /**
   * Points of the computed series (`HISTOGRAM_FEATURES`: rate, p50, p99, mean) of each histogram sample, in order;
   * valid until the next call. The first sample of a cumulative histogram gives none; an interval without observations
   * gives its rate, 0, only. May register series: take the table's columns and grow dependants afterwards.
   */
  apply(batch: HistogramBatch, table: SeriesTable): PointBatch;
  reset(series: SeriesIndex): void;
  save(): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 2;
const FEATURE_COUNT = HISTOGRAM_FEATURES.length;
/** Row of float64: previous time (0: none), start of accumulation, total, sum. */
const TIME = 0;
const START = 1;
const TOTAL = 2;
const SUM = 3;
const STRIDE = 4;
/** Row of int32: offset, room and length of its buckets in the arena, then the computed series plus one (0: not made). */
const OFFSET = 0;
const ROOM = 1;
const LENGTH = 2;
const DERIVED = 3;
const PLACE = DERIVED + FEATURE_COUNT;

export function createPercentile(): Percentile {
  const counters: PercentileCounters = { resets: 0, late: 0, malformed: 0 };
  /** Of each series the number of its rows plus one, 0 for none: few series are histograms. */
  let slots = new Int32Array(0);
  let used = 0;
  const free: number[] = [];
  let rows = new Float64Array(64 * STRIDE);
  let places = new Int32Array(64 * PLACE);
  let arenaUpper = new Float64Array(1024);
  let arenaCount = new Float64Array(1024);
  let arenaLength = 0;
  let out = createPointBatch(64);
  const delta = createBuckets(64);

  /** The rows of a series, made at its first sample. */
  function slotOf(series: number): number {
    const known = slots[series]! - 1;
    if (known >= 0) return known;
    const slot = free.pop() ?? used++;
    slots[series] = slot + 1;
    if (used * STRIDE > rows.length) {
      const room = Math.ceil(used * 1.5);
      const moreRows = new Float64Array(room * STRIDE);
      moreRows.set(rows);
      rows = moreRows;
      const morePlaces = new Int32Array(room * PLACE);
      morePlaces.set(places);
      places = morePlaces;
    }
    return slot;
  }

  function emit(series: number, time: number, value: number): void {
    if (out.length === out.series.length) {
      const larger = createPointBatch(out.length * 2);
      larger.length = out.length;
      larger.series.set(out.series);
      larger.time.set(out.time);
      larger.value.set(out.value);
      out = larger;
    }
    const i = out.length++;
    out.series[i] = series;
    out.time[i] = time;
    out.value[i] = value;
  }

  /** Negative where the table refuses another series. */
  function derived(series: number, at: number, feature: number, table: SeriesTable): number {
    const known = (places[at] as number) - 1;
    // An evicted row may belong to another service by now, so look again unless it is plainly still ours.
    if (known >= 0 && table.live[known] === 1 && table.service[known] === table.service[series]) return known;
    const info = table.describe(series);
    const spec = HISTOGRAM_FEATURES[feature] as (typeof HISTOGRAM_FEATURES)[number];
    // Each instance keeps its own: pods of a workload share all labels and would shadow one another.
    const made = table.deriveFrom(
      series,
      derivedMetric(spec.metric, info.metric),
      spec.unit === '{unit}' ? info.unit : spec.unit,
    );
    places[at] = Math.max(0, made + 1);
    return made;
  }

  /** Makes `delta` the sample's buckets; false if they are not usable. */
  function take(batch: HistogramBatch, from: number, to: number): boolean {
    const n = to - from;
    if (delta.count.length < n) delta.count = new Float64Array(n * 2);
    const { count: counts } = delta;
    const { lower: lowers, upper: uppers, count: given } = batch;
    delta.length = n;
    delta.first = from;
    delta.lower = lowers;
    delta.upper = uppers;
    let total = 0;
    let before = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < n; i++) {
      const upper = uppers[from + i] as number;
      const count = given[from + i] as number;
      if (!((lowers[from + i] as number) <= upper && upper >= before && count >= 0 && count < Number.POSITIVE_INFINITY))
        return false;
      before = upper;
      counts[i] = count;
      total += count;
    }
    delta.total = total;
    return true;
  }

  /**
   * The usual case of a cumulative histogram, in one pass: the same bounds as before, so each bucket less itself. False, with
   * nothing changed but `delta`, where the bounds differ.
   */
  function step(at: number): boolean {
    const { length, first, upper, count: counts } = delta;
    if (places[at + LENGTH] !== length) return false;
    const offset = places[at + OFFSET] as number;
    for (let i = 0; i < length; i++) if (arenaUpper[offset + i] !== upper[first + i]) return false;
    let total = 0;
    for (let i = 0; i < length; i++) {
      const now = counts[i] as number;
      const rise = now - (arenaCount[offset + i] as number);
      const count = rise > 0 ? rise : 0;
      arenaCount[offset + i] = now;
      counts[i] = count;
      total += count;
    }
    delta.total = total;
    return true;
  }

  /** Takes the previous population away: each old bucket from the one that now covers its upper bound. */
  function subtract(at: number): void {
    const offset = places[at + OFFSET] as number;
    const end = offset + (places[at + LENGTH] as number);
    let bucket = 0;
    for (let old = offset; old < end; old++) {
      const upper = arenaUpper[old] as number;
      while (bucket < delta.length && (delta.upper[delta.first + bucket] as number) < upper) bucket++;
      if (bucket === delta.length) break;
      delta.count[bucket] = (delta.count[bucket] as number) - (arenaCount[old] as number);
    }
    let total = 0;
    for (let i = 0; i < delta.length; i++) {
      const count = Math.max(0, delta.count[i] as number);
      delta.count[i] = count;
      total += count;
    }
    delta.total = total;
  }

  function remember(at: number, batch: HistogramBatch, from: number, to: number): void {
    const n = to - from;
    if ((places[at + ROOM] as number) < n) {
      // Room for a few buckets that fill up later; the old place is given up (layouts settle soon).
      const room = Math.max(8, 2 ** Math.ceil(Math.log2(n)));
      if (arenaLength + room > arenaUpper.length) growArena(arenaLength + room);
      places[at + OFFSET] = arenaLength;
      places[at + ROOM] = room;
      arenaLength += room;
    }
    places[at + LENGTH] = n;
    const offset = places[at + OFFSET] as number;
    for (let i = 0; i < n; i++) {
      arenaUpper[offset + i] = batch.upper[from + i] as number;
      arenaCount[offset + i] = batch.count[from + i] as number;
    }
  }

  function growArena(need: number): void {
    const upper = new Float64Array(Math.max(need, arenaUpper.length * 2));
    upper.set(arenaUpper);
    arenaUpper = upper;
    const count = new Float64Array(upper.length);
    count.set(arenaCount);
    arenaCount = count;
  }

  function emitFeatures(
    series: number,
    place: number,
    time: number,
    dt: number,
    sum: number,
    table: SeriesTable,
  ): void {
    if (!(dt > 0)) return;
    for (let feature = 0; feature < FEATURE_COUNT; feature++) {
      const spec = HISTOGRAM_FEATURES[feature] as (typeof HISTOGRAM_FEATURES)[number];
      const { aggregate } = spec;
      let value = Number.NaN;
      if (aggregate.kind === 'rate') value = (delta.total * 1000) / dt;
      else if (delta.total > 0)
        value = aggregate.kind === 'quantile' ? bucketQuantile(delta, aggregate.q) : sum / delta.total;
      if (!Number.isFinite(value)) continue;
      const to = derived(series, place + DERIVED + feature, feature, table);
      if (to >= 0) emit(to, time, value);
    }
  }

  return {
    bytesPerSeries: 4,
    counters,
    get arenaBytes() {
      return arenaUpper.length * 16;
    },

    grow(capacity) {
      if (capacity <= slots.length) return;
      const larger = new Int32Array(capacity);
      larger.set(slots);
      slots = larger;
    },

    apply(batch, table) {
      out.length = 0;
      for (let i = 0; i < batch.length; i++) {
        const s = batch.series[i] as number;
        const time = batch.time[i] as number;
        const start = batch.startTime[i] as number;
        const from = batch.bucketStart[i] as number;
        const to = batch.bucketStart[i + 1] as number;
        const slot = slotOf(s);
        const row = slot * STRIDE;
        const at = slot * PLACE;
        const since = rows[row + TIME] as number;
        if (!(time > since)) {
          counters.late++;
          continue;
        }
        if (!take(batch, from, to)) {
          counters.malformed++;
          continue;
        }
        const total = batch.total[i] as number;
        let sum = batch.sum[i] as number;
        rows[row + TIME] = time;
        if (table.kind[s] === SERIES_KIND.deltaHistogram) {
          const begin = since > 0 ? since : start;
          if (begin > 0) emitFeatures(s, at, time, time - begin, sum, table);
          continue;
        }
        const startBefore = rows[row + START] as number;
        const restarted =
          total < (rows[row + TOTAL] as number) || (start !== startBefore && start > 0 && startBefore > 0);
        let isKept = false;
        if (since > 0) {
          if (restarted) counters.resets++;
          else {
            isKept = step(at);
            if (!isKept) subtract(at);
            sum -= rows[row + SUM] as number;
          }
          emitFeatures(s, at, time, time - since, sum, table);
        }
        rows[row + START] = start;
        rows[row + TOTAL] = total;
        rows[row + SUM] = batch.sum[i] as number;
        if (!isKept) remember(at, batch, from, to);
      }
      return out;
    },

    reset(series) {
      const slot = (slots[series] ?? 0) - 1;
      if (slot < 0) return;
      rows.fill(0, slot * STRIDE, (slot + 1) * STRIDE);
      const at = slot * PLACE;
      places[at + LENGTH] = 0;
      places.fill(0, at + DERIVED, at + PLACE);
      slots[series] = 0;
      // Its room in the arena goes along to whoever gets the rows next.
      free.push(slot);
    },

    save: () => ({
      version: VERSION,
      arrays: {
        slots: slots.slice(),
        free: Int32Array.from(free),
        rows: rows.slice(0, used * STRIDE),
        places: places.slice(0, used * PLACE),
        arenaUpper: arenaUpper.slice(0, arenaLength),
        arenaCount: arenaCount.slice(0, arenaLength),
      },
      meta: { ...counters },
    }),

    restore(state) {
      if (state.version !== VERSION) throw new TocsinError('state_version', `percentile state ${state.version}`);
      slots = state.arrays['slots'] as Int32Array<ArrayBuffer>;
      free.length = 0;
      for (const slot of state.arrays['free'] as Int32Array) free.push(slot);
      rows = state.arrays['rows'] as Float64Array<ArrayBuffer>;
      places = state.arrays['places'] as Int32Array<ArrayBuffer>;
      used = rows.length / STRIDE;
      const upper = state.arrays['arenaUpper'] as Float64Array;
      arenaLength = upper.length;
      arenaUpper = new Float64Array(1024);
      arenaCount = new Float64Array(1024);
      if (arenaLength > 1024) growArena(arenaLength);
      arenaUpper.set(upper);
      arenaCount.set(state.arrays['arenaCount'] as Float64Array);
      Object.assign(counters, state.meta);
    },
  };
}
