import type { PromotedDetector, StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { WindowRows } from '../../domain/signal/history.ts';
import { DAY, type EpochMs, SECOND } from '../../domain/units.ts';
import { createRingPool } from './ring-pool.ts';

export const PROMOTED_OPTIONS = {
  memory: {
    type: 'integer',
    default: 32,
    min: 1,
    max: 65_536,
    doc: 'MiB of a shard for the last values of promoted series and what detectors know of them; decides how many there are.',
  },
  looks: {
    type: 'integer',
    default: 500,
    min: 1,
    max: 1_000_000,
    doc: 'Looks a shard takes at series in a tick of 10 s, about 0.1 ms each: the share of CPU.',
  },
  gate: {
    type: 'number',
    default: 3,
    min: 0.5,
    max: 6,
    doc: 'A series whose -log10 p reaches this is promoted at once; services this strange bring all their series.',
  },
} as const satisfies OptionsSpec;

/** What a look at one series gave; valid during the call. */
export interface Look {
  readonly series: number;
  readonly slot: number;
  /** True when the series asked for it (strange, important, or of a strange service), false for the sweep. */
  readonly wanted: boolean;
  /** -log10 p of the always-on tier in the window. */
  readonly surprise: number;
  /** Raw score of each detector, NaN where not ready. */
  readonly raw: Float64Array;
  /** Standardised values, oldest first. */
  readonly values: Float64Array;
  readonly length: number;
}

/** How much of what it should see the tier sees. */
export interface PromotedCoverage {
  readonly slots: number;
  readonly held: number;
  /** Looks wanted and not taken, and looks taken, since the start. */
  readonly missed: number;
  readonly taken: number;
  /** Share of the series with a slot or without one that were looked at within the last day. */
  readonly dayShare: number;
}

export interface PromotedTier {
  readonly bytesPerSeries: number;
  grow(capacity: number): void;
  /**
   * Takes the windows that ended with a tick: fills the rings, then looks at what is strange (`surprise`) or `isWanted`, and,
   * with a tenth of the looks, at everybody in turn.
   */
  tick(rows: TickRows, at: EpochMs, isWanted: (series: number) => boolean, onLook: (look: Look) => void): void;
  /** Called when a slot changes hands, before its first look. */
  onReset: ((slot: number) => void) | null;
  release(series: number): void;
  coverage(at: EpochMs): PromotedCoverage;
  save(): Record<string, StateBlob>;
  restore(parts: Readonly<Record<string, StateBlob>>): void;
}

export type TickRows = Pick<WindowRows, 'length' | 'series' | 'mean' | 'surprise'>;

const VERSION = 1;
const SWEEP_SHARE = 0.1;
const MIB = 1_048_576;
const TICK = 10 * SECOND;
const LEAST = 48;
const CLIP = 50;

/**
 * The few series that hold a ring of their last values, and the detectors that look at rings. Nothing runs per sample: rings
 * are filled from the windows that a tick closes, and a fixed number of looks a tick is shared out by need. As many series
 * as memory allows hold a ring for good; beyond, rings are lent in turn, so that all series have one for a part of each day.
 *
 * @param calibrationPerSlot Bytes that whoever calibrates the looks keeps of a slot; counted against the memory.
 */
export function createPromotedTier(
  detectors: readonly PromotedDetector[],
  options: Options<typeof PROMOTED_OPTIONS> = defaultsOf(PROMOTED_OPTIONS),
  calibrationPerSlot = 0,
): PromotedTier {
  const perSlot = detectors.reduce((sum, detector) => sum + detector.bytesPerSlot, calibrationPerSlot);
  const pool = createRingPool(options.memory * MIB, perSlot);
  const raw = new Float64Array(detectors.length);
  const values = new Float64Array(pool.ringLength);
  const sorted = new Float64Array(pool.ringLength);
  let seenAt = new Int32Array(0);
  let missed = 0;
  let taken = 0;
  let series = 0;
  let onReset: ((slot: number) => void) | null = null;

  function take(slot: number): void {
    for (const detector of detectors) detector.grow(pool.capacity);
    for (const detector of detectors) detector.reset(slot);
    onReset?.(slot);
  }

  /** Robust centre and scale of the ring taken out of its values. */
  function standardise(length: number): void {
    sorted.set(values.subarray(0, length));
    const part = sorted.subarray(0, length).sort();
    const centre = part[length >> 1]!;
    for (let i = 0; i < length; i++) part[i] = Math.abs(values[i]! - centre);
    part.sort();
    const spread = Math.max(
      1.4826 * part[length >> 1]!,
      0.3 * part[Math.floor(length * 0.95)]!,
      0.003 * Math.abs(centre),
      1e-12,
    );
    for (let i = 0; i < length; i++) values[i] = Math.max(-CLIP, Math.min(CLIP, (values[i]! - centre) / spread));
  }

  function look(slot: number, wanted: boolean, surprise: number, at: EpochMs, onLook: (look: Look) => void): void {
    taken++;
    const length = pool.read(slot, values);
    if (length < LEAST) return;
    standardise(length);
    const fresh = pool.takeFresh(slot);
    for (const [d, detector] of detectors.entries()) raw[d] = detector.score(slot, values, length, fresh);
    const owner = pool.owner(slot);
    seenAt[owner] = at / TICK;
    onLook({ series: owner, slot, wanted, surprise, raw, values, length });
  }

  /** Slots in the order of the sweep, so many of them; a slot that was looked at this tick or is cold does not count. */
  function sweep(count: number, at: EpochMs, onLook: (look: Look) => void): void {
    let left = count;
    for (let tries = 0; left > 0 && tries < pool.used; tries++) {
      const slot = pool.nextOfSweep();
      if (pool.owner(slot) < 0 || !pool.isFresh(slot)) continue;
      look(slot, false, 0, at, onLook);
      left--;
    }
  }

  return {
    bytesPerSeries: 4 + pool.bytesPerSeries,
    get onReset() {
      return onReset;
    },
    set onReset(call) {
      onReset = call;
    },
    grow(capacity) {
      series = capacity;
      pool.grow(capacity);
      if (capacity <= seenAt.length) return;
      const larger = new Int32Array(capacity);
      larger.set(seenAt);
      seenAt = larger;
    },
    tick(rows, at, isWanted, onLook) {
      const { length } = rows;
      for (let i = 0; i < length; i++) {
        const s = rows.series[i]!;
        const strange = rows.surprise[i]! >= options.gate;
        const slot = pool.slotFor(s, strange, at, take);
        if (slot >= 0) pool.push(slot, rows.mean[i]!, strange, at);
      }
      const forSweep = Math.ceil(options.looks * SWEEP_SHARE);
      const forWanted = options.looks - forSweep;
      let looks = 0;
      for (let i = 0; i < length; i++) {
        const s = rows.series[i]!;
        const surprise = rows.surprise[i]!;
        if (surprise < options.gate && !isWanted(s)) continue;
        const slot = pool.slotOf(s);
        if (slot < 0 || looks >= forWanted) missed++;
        else if (pool.isFresh(slot)) {
          look(slot, true, surprise, at, onLook);
          looks++;
        }
      }
      sweep(forSweep, at, onLook);
      pool.rotate(Math.ceil((series * TICK) / DAY), at, take);
    },
    release(s) {
      pool.release(s);
      if (s < seenAt.length) seenAt[s] = 0;
    },
    coverage(at) {
      const since = (at - DAY) / TICK;
      let known = 0;
      let seen = 0;
      for (let s = 0; s < seenAt.length; s++) {
        if (!pool.isKnown(s)) continue;
        known++;
        if (seenAt[s]! > since) seen++;
      }
      return { slots: pool.capacity, held: pool.held, missed, taken, dayShare: known === 0 ? 1 : seen / known };
    },
    save() {
      const saved: Record<string, StateBlob> = {
        'promoted.own': { version: VERSION, arrays: { seenAt: seenAt.slice() }, meta: { missed, taken, series } },
        'promoted.pool': pool.save(),
      };
      for (const detector of detectors) saved[`promoted.${detector.name}`] = detector.save();
      return saved;
    },
    restore(parts) {
      const own = parts['promoted.own'];
      // Snapshots of before there was a promoted tier, or with other detectors in it: it starts empty.
      if (own === undefined || detectors.some((detector) => parts[`promoted.${detector.name}`] === undefined)) return;
      if (own.version !== VERSION) throw new TocsinError('state_version', `promoted state version ${own.version}`);
      seenAt = (own.arrays['seenAt'] as Int32Array).slice();
      ({ missed, taken, series } = own.meta as { missed: number; taken: number; series: number });
      pool.restore(parts['promoted.pool']!);
      for (const detector of detectors) detector.restore(parts[`promoted.${detector.name}`]!);
    },
  };
}
