import type { StateBlob } from '../domain/detector.ts';
import { SlowTails } from './calibrate/slow-tails.ts';

/** Detectors of the promoted tier, calibrated over the slots and joined. */
export interface PromotedFusion {
  readonly bytesPerSlot: number;
  /**
   * -log10 p of a look: the weighted mean over the detectors that are ready, NaN without any or too little history. Only
   * looks of the sweep are learnt: those that a strange series asked for would make the strange look usual.
   */
  judge(slot: number, raw: Float64Array, learn: boolean): number;
  /** -log10 p of each detector in the last look. */
  readonly surprises: Float64Array;
  reset(slot: number): void;
  save(): StateBlob;
  restore(state: StateBlob): void;
}

/** Looks of the sweep after which one counts half. */
const HALF_LIFE = 2_000;
/** Looks at one slot that its own history is worth nothing before. */
const YOUNG = 40;
/** Rows of the pooled history of a detector lie before those of slots. */
const POOLED = 0;

/**
 * A slot is looked at too seldom, at first, to know what is usual for it: each detector has a history common to all slots
 * and one a slot, which takes over as it grows.
 */
export function createPromotedFusion(names: readonly string[], weights: readonly number[]): PromotedFusion {
  const count = names.length;
  const tails = new SlowTails(HALF_LIFE);
  const surprises = new Float64Array(count);
  let looks = new Float32Array(0);

  return {
    bytesPerSlot: count * tails.bytesPerRow + 4,
    surprises,
    judge(slot, raw, learn) {
      if (slot >= looks.length) {
        const larger = new Float32Array(2 * (slot + 1));
        larger.set(looks);
        looks = larger;
      }
      const own = looks[slot]! / (looks[slot]! + YOUNG);
      let sum = 0;
      let whole = 0;
      for (let d = 0; d < count; d++) {
        const score = raw[d]!;
        surprises[d] = 0;
        if (Number.isNaN(score)) continue;
        const pooled = POOLED * count + d;
        const row = (slot + 1) * count + d;
        surprises[d] = own * tails.surprise(row, score) + (1 - own) * tails.surprise(pooled, score);
        if (learn) {
          tails.learn(pooled, score);
          tails.learn(row, score);
        }
        sum += weights[d]! * surprises[d]!;
        whole += weights[d]!;
      }
      if (learn) looks[slot] = looks[slot]! + 1;
      return whole > 0 ? sum / whole : Number.NaN;
    },
    reset(slot) {
      if (slot < looks.length) looks[slot] = 0;
      for (let d = 0; d < count; d++) tails.clear((slot + 1) * count + d);
    },
    save() {
      const saved = tails.save();
      return { ...saved, arrays: { ...saved.arrays, looks: looks.slice() }, meta: names };
    },
    restore(state) {
      // Other detectors than now: their histories say nothing.
      if (JSON.stringify(state.meta) !== JSON.stringify(names)) return;
      tails.restore(state);
      looks = (state.arrays['looks'] as Float32Array).slice();
    },
  };
}
