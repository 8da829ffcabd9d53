import type { PromotedDetector } from '../domain/detector.ts';
import { createRng } from '../stats/rng.ts';
import type { ContractCheck } from './contract.ts';

const RING = 256;

/** A wave with noise; `strange` bends the last values away. */
function valuesOf(i: number, strange = false, seed = 0): Float64Array {
  return Float64Array.from({ length: RING }, (_, k) => {
    const t = i + k;
    const usual = Math.sin(t / 5) + 0.15 * createRng(seed + t).normal();
    return strange && k >= RING - 6 ? usual + 6 * (k % 2 === 0 ? 1 : 0.5) : usual;
  });
}

function must(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

function feed(detector: PromotedDetector, slot: number, from: number, to: number, seed = 0): number[] {
  const scores: number[] = [];
  for (let i = from; i < to; i++) scores.push(detector.score(slot, valuesOf(i, false, seed), RING, i === 0 ? RING : 1));
  return scores;
}

const same = (a: readonly number[], b: readonly number[]): boolean => a.every((x, i) => Object.is(x, b[i]));

/** Every promise of `PromotedDetector`; runs on each entry of the registry. */
export function* promotedDetectorContract(create: () => PromotedDetector): Generator<ContractCheck> {
  const made = (): PromotedDetector => {
    const detector = create();
    detector.grow(4);
    return detector;
  };
  yield {
    name: 'says the same of the same values, never below zero',
    run() {
      const first = feed(made(), 1, 0, 80);
      must(same(first, feed(made(), 1, 0, 80)), 'the second run differs');
      must(Number.isFinite(first.at(-1)!), 'it is never ready');
      must(
        first.every((x) => Number.isNaN(x) || x >= 0),
        'a score is negative',
      );
    },
  };
  yield {
    name: 'says nothing of a ring that is too short, and leaves its input alone',
    run() {
      const detector = made();
      must(Number.isNaN(detector.score(0, valuesOf(0), 6, 6)), 'six values got a score');
      const values = valuesOf(3);
      const before = values.slice();
      detector.score(0, values, RING, 1);
      must(same([...before], [...values]), 'the values were changed');
    },
  };
  yield {
    name: 'scores values that went another way above the ordinary',
    run() {
      const detector = made();
      const usual = feed(detector, 0, 0, 80)
        .filter((x) => !Number.isNaN(x))
        .sort((a, b) => a - b);
      const score = detector.score(0, valuesOf(80, true), RING, 1);
      must(score > usual[usual.length >> 1]!, `${score} is not above the median ${usual[usual.length >> 1]}`);
    },
  };
  yield {
    name: 'keeps slots apart, and a reset one starts anew',
    run() {
      const alone = feed(made(), 0, 0, 40);
      const detector = made();
      const mixed: number[] = [];
      for (let i = 0; i < 40; i++) {
        mixed.push(...feed(detector, 0, i, i + 1));
        detector.score(2, valuesOf(i, true, 99), RING, 1);
      }
      must(same(alone, mixed), 'another slot made a difference');
      detector.reset(0);
      must(same(alone, feed(detector, 0, 0, 40)), 'a reset slot remembers');
    },
  };
  yield {
    name: 'goes on alike after save and restore, and refuses another version',
    run() {
      const first = made();
      feed(first, 1, 0, 50);
      const saved = structuredClone(first.save());
      const expected = feed(first, 1, 50, 90);
      const second = made();
      second.restore(saved);
      must(same(expected, feed(second, 1, 50, 90)), 'it scores differently after restore');
      let refused = false;
      try {
        made().restore({ ...saved, version: 999 });
      } catch {
        refused = true;
      }
      must(refused, 'a state of version 999 was read');
    },
  };
}
