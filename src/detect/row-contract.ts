import { ROW_SLOTS, type RowDetector } from '../domain/detector.ts';
import { createRng } from '../stats/rng.ts';
import type { ContractCheck } from './contract.ts';

const ROWS = 400;
const SIGNALS = 12;

/** Signals that follow two hidden causes, with noise; row `i` is the same whoever asks. */
function rowOf(i: number, service = 0): Float64Array {
  const random = createRng(1_000_003 * service + i);
  const row = new Float64Array(ROW_SLOTS);
  const causes = [random.normal(), random.normal()];
  for (let d = 0; d < SIGNALS; d++) row[d] = causes[d % 2]! * (d % 3 === 0 ? -1 : 1) + 0.3 * random.normal();
  return row;
}

function must(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

function feed(detector: RowDetector, from: number, to: number, service = 0): number[] {
  const scores: number[] = [];
  for (let i = from; i < to; i++) {
    const row = rowOf(i, service);
    scores.push(detector.score(service, row));
    detector.learn(service, row);
  }
  return scores;
}

const same = (a: readonly number[], b: readonly number[]): boolean => a.every((x, i) => Object.is(x, b[i]));

/** Every promise of `RowDetector`; runs on each entry of the registry. */
export function* rowDetectorContract(create: () => RowDetector): Generator<ContractCheck> {
  yield {
    name: 'becomes ready, is never negative, and says the same of the same rows',
    run() {
      const first = feed(create(), 0, ROWS);
      must(same(first, feed(create(), 0, ROWS)), 'the second run differs');
      must(Number.isNaN(first[0]!), 'the first row has a score');
      must(Number.isFinite(first.at(-1)!), 'it is never ready');
      must(
        first.every((x) => Number.isNaN(x) || x >= 0),
        'a score is negative',
      );
    },
  };
  yield {
    name: 'scores everything far away at once above the ordinary, and blames what is far',
    run() {
      const detector = create();
      const usual = feed(detector, 0, ROWS)
        .slice(-90)
        .sort((a, b) => a - b);
      const row = rowOf(ROWS);
      for (let d = 0; d < 4; d++) row[d] = 9;
      must(detector.score(0, row) > usual[84]!, `${detector.score(0, row)} is not above ${usual[84]}`);
      const blame = new Float64Array(ROW_SLOTS);
      detector.blame(0, row, blame);
      must(
        blame.every((x) => x >= 0 && Number.isFinite(x)),
        'a blame is negative or no number',
      );
      const top = Array.from(blame.keys()).sort((a, b) => blame[b]! - blame[a]!)[0]!;
      must(top < 4, `signal ${top} is blamed most`);
    },
  };
  yield {
    name: 'learns nothing by scoring',
    run() {
      const detector = create();
      feed(detector, 0, 320);
      const before = JSON.stringify(structuredClone(detector.save()));
      for (let i = 400; i < 405; i++) {
        detector.score(0, rowOf(i).fill(20));
        detector.blame(0, rowOf(i), new Float64Array(ROW_SLOTS));
      }
      must(JSON.stringify(detector.save()) === before, 'the state changed');
    },
  };
  yield {
    name: 'goes on alike after save and restore, and the saved state is a copy',
    run() {
      const first = create();
      feed(first, 0, 330);
      feed(first, 0, 150, 3);
      const saved = first.save();
      const kept = structuredClone(saved);
      const expected = feed(first, 330, ROWS);
      must(JSON.stringify(saved) === JSON.stringify(kept), 'the saved state changed when the detector went on');
      const second = create();
      second.restore(kept);
      must(same(expected, feed(second, 330, ROWS)), 'it scores differently after restore');
    },
  };
  yield {
    name: 'refuses a state of another version',
    run() {
      let refused = false;
      try {
        create().restore({ ...create().save(), version: 999 });
      } catch {
        refused = true;
      }
      must(refused, 'a state of version 999 was read');
    },
  };
  yield {
    name: 'keeps services apart, and a reset one is cold',
    run() {
      const alone = feed(create(), 0, 330);
      const detector = create();
      const mixed: number[] = [];
      for (let i = 0; i < 330; i++) {
        mixed.push(...feed(detector, i, i + 1));
        feed(detector, i, i + 1, 7);
      }
      must(same(alone, mixed), 'another service made a difference');
      detector.reset(0);
      must(Number.isNaN(detector.score(0, rowOf(1))), 'it is still warm');
      must(Number.isFinite(detector.score(7, rowOf(1))), 'another service was reset');
    },
  };
}
