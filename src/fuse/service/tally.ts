import { STRANGE, WEIGHT_LAST, WEIGHT_OF_SURPRISE, WEIGHT_STEPS } from './combine-p.ts';

/** Row of a service and modality: Cauchy sum, scored points, points with p < 0.1, strange series, series. */
export const ROW = 5;
/** Candidates for evidence kept per service. */
export const TOP = 16;
/** Points a call of the inner loop: V8 then optimises the function, not one long-running loop, which it would leave by a deoptimisation. */
const CHUNK = 512;

/** What one open tick has collected, in typed arrays: the per-point part of service fusion. */
export interface Tally {
  observe(series: Int32Array, surprise: Float32Array, n: number, serviceOf: Int32Array, modalityOf: Uint8Array): void;
  /** Makes the service part of this tick. */
  touch(service: number): void;
  alive(service: number): boolean;
  /** Field `k` of the row of a service and modality. */
  at(service: number, modality: number, k: number): number;
  /** Calls back with the strongest series of a service, each once. */
  candidates(service: number, each: (series: number, surprise: number) => void): void;
  /** Somebody looked closer: one strange series of a service counts with `to` instead of what `candidates` said of it. */
  revise(service: number, modality: number, series: number, to: number): void;
  /** Marks the service urgent, once a tick. */
  hurry(service: number): void;
  takeUrgent(): number[];
  /** Services of this tick in ascending order; empties the tick. Rows stay readable until `clear`. */
  dirty(): number[];
  clear(services: readonly number[]): void;
  /** With what the open tick has collected so far: a snapshot may fall anywhere in it. */
  save(): TallyState;
  restore(state: TallyState): void;
}

export interface TallyState {
  readonly columns: Readonly<Record<TallyColumn, Float64Array | Float32Array | Int32Array | Uint8Array>>;
  readonly stamp: number;
}
export const TALLY_COLUMNS = [
  'rows',
  'present',
  'urgentNow',
  'topCount',
  'topSeries',
  'topSurprise',
  'seenAt',
  'strangeAt',
] as const;
export type TallyColumn = (typeof TALLY_COLUMNS)[number];

/** @param notable Surprise from which on a point may become a candidate. */
export function createTally(urgentSurprise: number, notable = STRANGE): Tally {
  let services = 0;
  let rows = new Float64Array(0);
  let present = new Uint8Array(0);
  let urgentNow = new Uint8Array(0);
  let topCount = new Uint8Array(0);
  let topSeries = new Int32Array(0);
  let topSurprise = new Float32Array(0);
  /** Tick stamp (1..255) at which a series was last seen, and last strange: distinct counts for a byte each. */
  let seenAt = new Uint8Array(0);
  let strangeAt = new Uint8Array(0);
  let stamp = 1;
  let touched: number[] = [];
  let urgent: number[] = [];

  function grow(needed: number): void {
    if (needed <= services) return;
    const n = Math.max(16, needed, services * 2);
    rows = widen(rows, new Float64Array(n * 3 * ROW));
    present = widen(present, new Uint8Array(n));
    urgentNow = widen(urgentNow, new Uint8Array(n));
    topCount = widen(topCount, new Uint8Array(n));
    topSeries = widen(topSeries, new Int32Array(n * TOP));
    topSurprise = widen(topSurprise, new Float32Array(n * TOP));
    services = n;
  }

  function touch(service: number): void {
    grow(service + 1);
    if (present[service] === 1) return;
    present[service] = 1;
    touched.push(service);
  }

  function hurry(service: number): void {
    if (urgentNow[service] === 1) return;
    urgentNow[service] = 1;
    urgent.push(service);
  }

  function scan(
    series: Int32Array,
    surprise: Float32Array,
    from: number,
    to: number,
    serviceOf: Int32Array,
    modalityOf: Uint8Array,
  ): void {
    const seenTick = seenAt;
    const weights = WEIGHT_OF_SURPRISE;
    const now = stamp;
    let start = from;
    while (start < to) {
      // Neighbours mostly share service and modality: sum over such a run, then touch the row once.
      const first = series[start] as number;
      const service = serviceOf[first] as number;
      const modality = modalityOf[first] as number;
      touch(service);
      const row = (service * 3 + modality) * ROW;
      let weight = 0;
      let points = 0;
      let hot = 0;
      let distinct = 0;
      let strange = 0;
      let i = start;
      for (; i < to; i += 1) {
        const id = series[i] as number;
        if (serviceOf[id] !== service || modalityOf[id] !== modality) break;
        const s = surprise[i] as number;
        if (!(s > 0)) continue;
        const step = (s * WEIGHT_STEPS) | 0;
        weight += weights[Math.min(WEIGHT_LAST, step)] as number;
        points += 1;
        // One in ten is hot: a sign bit instead of a branch that the processor cannot guess.
        hot += (WEIGHT_STEPS - 1 - step) >>> 31;
        if (seenTick[id] !== now) {
          seenTick[id] = now;
          distinct += 1;
        }
        // The run ends at a strange point: a call inside this loop would keep the sums out of registers.
        if (s >= notable) {
          strange = s;
          i += 1;
          break;
        }
      }
      start = i;
      const sums = rows;
      sums[row] = (sums[row] as number) + weight;
      sums[row + 1] = (sums[row + 1] as number) + points;
      sums[row + 2] = (sums[row + 2] as number) + hot;
      sums[row + 4] = (sums[row + 4] as number) + distinct;
      if (strange > 0) strangePoint(service, series[i - 1] as number, strange, row);
    }
  }

  /** Keeps the 16 strongest series of a service; a series keeps its strongest point. Rare: only for p < 1e-3. */
  function strangePoint(service: number, series: number, surprise: number, row: number): void {
    if (surprise >= STRANGE && strangeAt[series] !== stamp) {
      strangeAt[series] = stamp;
      rows[row + 3] = (rows[row + 3] ?? 0) + 1;
    }
    if (surprise >= urgentSurprise && urgentNow[service] === 0) {
      urgentNow[service] = 1;
      urgent.push(service);
    }
    const base = service * TOP;
    const count = topCount[service] ?? 0;
    let weakest = -1;
    for (let i = base; i < base + count; i += 1) {
      if (topSeries[i] === series) {
        if (surprise > (topSurprise[i] ?? 0)) topSurprise[i] = surprise;
        return;
      }
      if (weakest < 0 || (topSurprise[i] ?? 0) < (topSurprise[weakest] ?? 0)) weakest = i;
    }
    if (count < TOP) {
      topSeries[base + count] = series;
      topSurprise[base + count] = surprise;
      topCount[service] = count + 1;
    } else if (surprise > (topSurprise[weakest] ?? 0)) {
      topSeries[weakest] = series;
      topSurprise[weakest] = surprise;
    }
  }

  return {
    touch,
    hurry,
    observe(series, surprise, n, serviceOf, modalityOf) {
      if (serviceOf.length > seenAt.length) {
        seenAt = widen(seenAt, new Uint8Array(serviceOf.length));
        strangeAt = widen(strangeAt, new Uint8Array(serviceOf.length));
      }
      for (let from = 0; from < n; from += CHUNK) {
        scan(series, surprise, from, Math.min(n, from + CHUNK), serviceOf, modalityOf);
      }
    },
    alive: (service) => present[service] === 1,
    at: (service, modality, k) => rows[(service * 3 + modality) * ROW + k] ?? 0,
    candidates(service, each) {
      const base = service * TOP;
      for (let i = base; i < base + (topCount[service] ?? 0); i += 1) each(topSeries[i] ?? 0, topSurprise[i] ?? 0);
    },
    revise(service, modality, series, to) {
      const base = service * TOP;
      for (let i = base; i < base + (topCount[service] ?? 0); i += 1) {
        if (topSeries[i] !== series) continue;
        const from = topSurprise[i] ?? 0;
        const row = (service * 3 + modality) * ROW;
        rows[row] = (rows[row] ?? 0) + weightAt(to) - weightAt(from);
        rows[row + 3] = (rows[row + 3] ?? 0) + Number(to >= STRANGE) - Number(from >= STRANGE);
        topSurprise[i] = to;
        return;
      }
    },
    takeUrgent() {
      const taken = urgent;
      urgent = [];
      return taken;
    },
    dirty() {
      const out = touched.sort((a, b) => a - b);
      touched = [];
      return out;
    },
    clear(cleared) {
      for (const service of cleared) {
        rows.fill(0, service * 3 * ROW, (service + 1) * 3 * ROW);
        present[service] = 0;
        urgentNow[service] = 0;
        topCount[service] = 0;
      }
      urgent = [];
      stamp = stamp === 255 ? 1 : stamp + 1;
    },
    save: () => ({
      columns: {
        rows: rows.slice(),
        present: present.slice(),
        urgentNow: urgentNow.slice(),
        topCount: topCount.slice(),
        topSeries: topSeries.slice(),
        topSurprise: topSurprise.slice(),
        seenAt: used(seenAt),
        strangeAt: used(strangeAt),
      },
      stamp,
    }),
    restore(state) {
      const { columns } = state;
      rows = (columns.rows as Float64Array<ArrayBuffer>).slice();
      present = (columns.present as Uint8Array<ArrayBuffer>).slice();
      urgentNow = (columns.urgentNow as Uint8Array<ArrayBuffer>).slice();
      topCount = (columns.topCount as Uint8Array<ArrayBuffer>).slice();
      topSeries = (columns.topSeries as Int32Array<ArrayBuffer>).slice();
      topSurprise = (columns.topSurprise as Float32Array<ArrayBuffer>).slice();
      seenAt = (columns.seenAt as Uint8Array<ArrayBuffer>).slice();
      strangeAt = (columns.strangeAt as Uint8Array<ArrayBuffer>).slice();
      stamp = state.stamp;
      services = present.length;
      touched = [];
      for (let service = 0; service < services; service += 1) if (present[service] === 1) touched.push(service);
      urgent = [];
    },
  };
}

function weightAt(surprise: number): number {
  return WEIGHT_OF_SURPRISE[Math.min(WEIGHT_LAST, (surprise * WEIGHT_STEPS) | 0)] ?? 0;
}

function widen<T extends Float64Array | Float32Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Without the zeros at the end: how much room there is depends on restarts. */
function used(marks: Uint8Array): Uint8Array {
  let length = marks.length;
  while (length > 0 && marks[length - 1] === 0) length--;
  return marks.slice(0, length);
}
