import { ROW_SLOTS, type StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { WindowRows } from '../../domain/signal/history.ts';
import { DAY, type EpochMs, MINUTE, SECOND } from '../../domain/units.ts';
import { createRows } from '../../stats/rows.ts';
import { RELATIVE_FLOOR } from '../../stats/scale-floor.ts';

export const SERVICE_ROW_OPTIONS = {
  memory: {
    type: 'duration',
    default: 3.5 * DAY,
    min: MINUTE,
    doc: 'Time constant of the usual level and spread of a signal, long enough for an incident of hours to stand out.',
  },
  coverage: {
    type: 'number',
    default: 0.8,
    min: 0.1,
    max: 1,
    doc: 'A row is made as soon as this share of the live signals of a service has a new value.',
  },
  longest: {
    type: 'duration',
    default: MINUTE,
    min: 10 * SECOND,
    doc: 'A row is made this long after the last one at the latest, from what there is.',
  },
} as const satisfies OptionsSpec;

/** What `add` reads of finished base windows. */
export type RowInput = Pick<WindowRows, 'length' | 'series' | 'mean'>;

/**
 * One row a service and window, `ROW_SLOTS` signals wide: how far each series is from its usual level, in its usual standard
 * deviations; the mean over the series that share a slot, 0 where nothing came or too little is known. Levels are learnt
 * slowly and on purpose not seasonal: the always-on tier has forecasts, and follows an incident within minutes.
 */
export interface ServiceRows {
  readonly bytesPerSeries: number;
  grow(capacity: number): void;
  /** Makes a series part of its service: series of equal key share a slot (the instances of a workload). */
  assign(series: number, service: number, key: string): void;
  release(series: number): void;
  /** @param interval Usual time between samples of each series in ms (`event-time`). */
  add(rows: RowInput, at: EpochMs, interval: ArrayLike<number>): void;
  /** Gives out the rows that are due at the tick's end; `row` is valid during the call. */
  close(at: EpochMs, each: (service: number, row: Float64Array) => void): void;
  /** A series that fills the slot, -1 for none. */
  seriesOf(service: number, slot: number): number;
  save(): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
const CLIP = 16;
/** Of a series: level, variance, values seen. */
const WIDTH = 4;
const YOUNG = 60;
/** From then on a value is learnt as at most `STEP` deviations off, but at least as a tenth of what it is. */
const SETTLED = 500;
const STEP = 4;
/** A signal not seen for this long is not waited for. */
const LIVE: EpochMs = 10 * MINUTE;

interface ServiceState {
  readonly slots: Map<string, number>;
  readonly sum: Float64Array;
  readonly count: Float64Array;
  readonly seenAt: Float64Array;
  readonly speaker: Int32Array;
  /** Slots with a new value. */
  fresh: number;
  rowAt: EpochMs;
}

export function createServiceRows(
  options: Options<typeof SERVICE_ROW_OPTIONS> = defaultsOf(SERVICE_ROW_OPTIONS),
): ServiceRows {
  /** Service x ROW_SLOTS + slot + 1 of each series, 0 for none. */
  let placeOf = new Int32Array(0);
  const levels = createRows(WIDTH);
  let services = new Map<number, ServiceState>();
  const row = new Float64Array(ROW_SLOTS);

  function stateOf(service: number): ServiceState {
    let state = services.get(service);
    if (state === undefined) {
      state = emptyState();
      services.set(service, state);
    }
    return state;
  }

  function live(state: ServiceState, at: EpochMs): number {
    let n = 0;
    for (let slot = 0; slot < ROW_SLOTS; slot++) if (at - state.seenAt[slot]! <= LIVE) n++;
    return n;
  }

  return {
    bytesPerSeries: 4 + levels.bytesPerRow,
    grow(capacity) {
      if (capacity <= placeOf.length) return;
      levels.grow(capacity);
      const larger = new Int32Array(capacity);
      larger.set(placeOf);
      placeOf = larger;
    },
    assign(series, service, key) {
      const { slots } = stateOf(service);
      let slot = slots.get(key);
      if (slot === undefined) {
        // The first signals have a slot each; beyond that they share, always the same way.
        slot = slots.size < ROW_SLOTS ? slots.size : hashOf(key) % ROW_SLOTS;
        slots.set(key, slot);
      }
      placeOf[series] = service * ROW_SLOTS + slot + 1;
    },
    release(series) {
      if (series >= placeOf.length) return;
      placeOf[series] = 0;
      levels.reset(series);
    },
    add({ length, series, mean }, at, interval) {
      const f = levels.f32;
      const { memory } = options;
      let before = -1;
      let state = NOBODY;
      for (let i = 0; i < length; i++) {
        const s = series[i]!;
        const place = placeOf[s]! - 1;
        if (place < 0) continue;
        const slot = place % ROW_SLOTS;
        const service = (place - slot) / ROW_SLOTS;
        if (service !== before) {
          state = stateOf(service);
          before = service;
        }
        // Deviations that the value is from the level of its series, 0 while young; then it is learnt. A function of its own
        // would put its numbers on the heap.
        const o = s * WIDTH;
        const value = mean[i]!;
        const n = f[o + 2]!;
        const level = n === 0 ? value : f[o]!;
        const variance = f[o + 1]!;
        const off = value - level;
        const sd = Math.max(Math.sqrt(variance), RELATIVE_FLOOR * Math.abs(level), 1e-12);
        const limit = Math.max(STEP * sd, 0.1 * Math.abs(off));
        const learnt = n < SETTLED ? off : Math.max(-limit, Math.min(limit, off));
        const rate = Math.max(Math.max(interval[s]!, 10 * SECOND) / memory, 1 / (n + 1));
        f[o] = level + rate * learnt;
        f[o + 1] = variance + rate * (learnt * learnt - variance);
        f[o + 2] = n + 1;
        const { sum, count } = state;
        const seen = count[slot]!;
        if (n >= YOUNG) sum[slot] = sum[slot]! + Math.max(-CLIP, Math.min(CLIP, off / sd));
        if (seen === 0) state.fresh++;
        count[slot] = seen + 1;
        state.seenAt[slot] = at;
        state.speaker[slot] = s;
      }
    },
    close(at, each) {
      for (const [service, state] of services) {
        if (state.fresh === 0) continue;
        if (state.fresh < options.coverage * live(state, at) && at - state.rowAt < options.longest) continue;
        for (let slot = 0; slot < ROW_SLOTS; slot++) {
          row[slot] = state.count[slot]! > 0 ? state.sum[slot]! / state.count[slot]! : 0;
        }
        state.sum.fill(0);
        state.count.fill(0);
        state.fresh = 0;
        state.rowAt = at;
        each(service, row);
      }
    },
    seriesOf: (service, slot) => services.get(service)?.speaker[slot] ?? -1,
    save() {
      const all = [...services];
      const joined = (name: 'sum' | 'count' | 'seenAt' | 'speaker'): Float64Array =>
        Float64Array.from(all.flatMap(([, state]) => [...state[name]]));
      return {
        version: VERSION,
        arrays: {
          placeOf: placeOf.slice(),
          levels: levels.save(VERSION).arrays['rows']!,
          sum: joined('sum'),
          count: joined('count'),
          seenAt: joined('seenAt'),
          speaker: joined('speaker'),
        },
        meta: all.map(([service, { slots, fresh, rowAt }]) => ({ service, slots: [...slots], fresh, rowAt })),
      };
    },
    restore({ version, arrays, meta }) {
      if (version !== VERSION) throw new TocsinError('state_version', `service-row state version ${version}`);
      placeOf = (arrays['placeOf'] as Int32Array).slice();
      const rows = arrays['levels']!;
      levels.restore({ version, arrays: { rows }, meta: { width: WIDTH } }, VERSION);
      services = new Map(
        (meta as { service: number; slots: [string, number][]; fresh: number; rowAt: number }[]).map((saved, i) => {
          const part = (name: string) => arrays[name]!.subarray(i * ROW_SLOTS, (i + 1) * ROW_SLOTS);
          const state = emptyState();
          state.sum.set(part('sum'));
          state.count.set(part('count'));
          state.seenAt.set(part('seenAt'));
          state.speaker.set(part('speaker'));
          for (const [key, slot] of saved.slots) state.slots.set(key, slot);
          state.fresh = saved.fresh;
          state.rowAt = saved.rowAt;
          return [saved.service, state];
        }),
      );
    },
  };
}

/** Takes nothing: a place to start from. */
const NOBODY = emptyState();

function emptyState(): ServiceState {
  return {
    slots: new Map(),
    sum: new Float64Array(ROW_SLOTS),
    count: new Float64Array(ROW_SLOTS),
    // Never: JSON knows no infinity, and no time of ours is this far back.
    seenAt: new Float64Array(ROW_SLOTS).fill(-1e15),
    speaker: new Int32Array(ROW_SLOTS).fill(-1),
    fresh: 0,
    rowAt: 0,
  };
}

/** FNV-1a over the characters. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
