import { createScoreColumns, type ScoreColumns, type SeriesDetector } from '../domain/detector.ts';
import { createPointBatch, type PointBatch } from '../domain/signal/batch.ts';
import { MINUTE } from '../domain/units.ts';

/** One promise of `SeriesDetector`; `run` throws where a detector breaks it. */
export interface ContractCheck {
  readonly name: string;
  run(): void;
}

const SERIES = 3;
const SAMPLES = 6 * 1440;

/** A day's wave with noise, a plain noise and small counts: something that every detector warms up on. */
function sample(series: number, i: number): number {
  const noise = Math.sin(i * 12.9898 + series * 78.233) * 43758.5453;
  const u = noise - Math.floor(noise) - 0.5;
  if (series === 0) return 100 + 30 * Math.sin((i / 1440) * 2 * Math.PI) + 4 * u;
  return series === 1 ? 50 + 10 * u : Math.floor(4 * (u + 0.5));
}

interface Play {
  readonly detector: SeriesDetector;
  /** Feeds samples [from, to) of all series, `size` ticks at a time, and returns every sample's raw score. */
  feed(from: number, to: number, value?: (series: number, i: number) => number, mode?: number): Float32Array;
}

function play(detector: SeriesDetector): Play {
  detector.grow(SERIES);
  const batch = createPointBatch(SERIES);
  const out = createScoreColumns(SERIES);
  const learn = new Uint8Array(SERIES);
  return {
    detector,
    feed(from, to, value = sample, mode = 1) {
      const scores = new Float32Array((to - from) * SERIES);
      learn.fill(mode);
      for (let i = from; i < to; i++) {
        fill(batch, i, value);
        detector.observe(batch, learn, out);
        for (let s = 0; s < SERIES; s++) scores[(i - from) * SERIES + s] = usable(out, s);
      }
      return scores;
    },
  };
}

function fill(batch: PointBatch, i: number, value: (series: number, i: number) => number): void {
  batch.length = SERIES;
  for (let s = 0; s < SERIES; s++) {
    batch.series[s] = s;
    batch.time[s] = Date.UTC(2026, 0, 5) + i * MINUTE;
    batch.value[s] = value(s, i);
  }
}

function usable(out: ScoreColumns, i: number): number {
  return out.ready[i] === 1 ? out.raw[i]! : 0;
}

function must(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

function same(a: Float32Array, b: Float32Array, message: string): void {
  for (let i = 0; i < a.length; i++) {
    if (!Object.is(a[i], b[i])) throw new Error(`${message}: score ${i} is ${a[i]}, then ${b[i]}`);
  }
}

/** A copy of a saved state, as it comes back from a snapshot. */
function stored(detector: SeriesDetector): ReturnType<SeriesDetector['save']> {
  return structuredClone(detector.save());
}

/** Every promise of `SeriesDetector`, for a detector made by `create`; runs on each entry of the registry. */
export function* seriesDetectorContract(create: () => SeriesDetector): Generator<ContractCheck> {
  yield {
    name: 'gives the same scores for the same input',
    run() {
      same(play(create()).feed(0, SAMPLES), play(create()).feed(0, SAMPLES), 'second run');
    },
  };
  yield {
    name: 'becomes ready, and never scores below zero or without a number',
    run() {
      const detector = create();
      const scores = play(detector).feed(0, SAMPLES);
      must(
        scores.every((score) => score >= 0 && Number.isFinite(score)),
        'a score is negative or no number',
      );
      must(
        scores.some((score) => score > 0),
        'no sample of six days got a score',
      );
    },
  };
  yield {
    name: 'scores an outlier, a shift or a flat line above the ordinary',
    run() {
      const player = play(create());
      const ordinary = player.feed(0, SAMPLES).slice(SERIES * (SAMPLES - 1440));
      const saved = stored(player.detector);
      const usual = quantile(ordinary, 0.99);
      const spike = Math.max(...player.feed(SAMPLES, SAMPLES + 120, (s, i) => sample(s, i) + 300));
      player.detector.restore(saved);
      const flat = Math.max(...player.feed(SAMPLES, SAMPLES + 240, () => 60));
      must(spike > usual || flat > usual, `outlier ${spike} and flat line ${flat} are not above the usual ${usual}`);
    },
  };
  yield {
    name: 'scores the same after save and restore, and the saved state is a copy',
    run() {
      const first = play(create());
      first.feed(0, 5000);
      const saved = first.detector.save();
      const kept = structuredClone(saved);
      const expected = first.feed(5000, SAMPLES);
      for (const [name, array] of Object.entries(saved.arrays)) {
        must(
          array.every((word, i) => Object.is(word, kept.arrays[name]![i])),
          `saved array ${name} changed when the detector went on`,
        );
      }
      const second = play(create());
      second.detector.restore(kept);
      same(expected, second.feed(5000, SAMPLES), 'after restore');
    },
  };
  yield {
    name: 'refuses a state of another version',
    run() {
      const detector = create();
      detector.grow(SERIES);
      const state = { ...detector.save(), version: 999 };
      let refused = false;
      try {
        create().restore(state);
      } catch {
        refused = true;
      }
      must(refused, 'a state of version 999 was read');
    },
  };
  yield {
    name: 'changes no state where learn is 0',
    run() {
      const player = play(create());
      player.feed(0, 4000);
      const before = JSON.stringify(stored(player.detector));
      player.feed(4000, 4200, (s, i) => sample(s, i) * 7 - 1000, 0);
      must(JSON.stringify(stored(player.detector)) === before, 'state changed though nothing was to be learnt');
    },
  };
  yield {
    name: 'leaves the input alone',
    run() {
      const detector = create();
      detector.grow(SERIES);
      const batch = createPointBatch(SERIES);
      const learn = new Uint8Array(SERIES).fill(1);
      fill(batch, 1, sample);
      const before = JSON.stringify([batch, learn]);
      detector.observe(batch, learn, createScoreColumns(SERIES));
      must(JSON.stringify([batch, learn]) === before, 'the batch was changed');
    },
  };
  yield {
    name: 'is not poisoned by NaN, infinities and huge values',
    run() {
      const player = play(create());
      player.feed(0, 5000);
      const clean = stored(player.detector);
      const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, -1e300];
      const scores = player.feed(5000, 5050, (_, i) => bad[i % bad.length]!);
      must(
        scores.every((score) => score === 0),
        'a value that is no number got a score',
      );
      must(JSON.stringify(stored(player.detector)) === JSON.stringify(clean), 'a value that is no number was learnt');
    },
  };
  yield {
    name: 'does not care how samples are cut into batches',
    run() {
      const whole = play(create()).feed(0, 3000);
      const detector = create();
      detector.grow(SERIES);
      const batch = createPointBatch(1);
      const out = createScoreColumns(1);
      const learn = new Uint8Array([1]);
      batch.length = 1;
      for (let i = 0; i < 3000; i++) {
        for (let s = SERIES - 1; s >= 0; s--) {
          batch.series[0] = s;
          batch.time[0] = Date.UTC(2026, 0, 5) + i * MINUTE;
          batch.value[0] = sample(s, i);
          detector.observe(batch, learn, out);
          const score = usable(out, 0);
          must(Object.is(whole[i * SERIES + s], score), `sample ${i} of series ${s} differs when alone in its batch`);
        }
      }
    },
  };
  yield {
    name: 'makes a row cold by reset and a twin of another by copy',
    run() {
      const player = play(create());
      player.feed(0, 5000);
      player.detector.copy(0, 1);
      const twins = player.feed(5000, 5300, (_, i) => sample(0, i));
      for (let i = 0; i < twins.length; i += SERIES)
        must(Object.is(twins[i], twins[i + 1]), 'the copied row scores differently');
      player.detector.reset(0);
      const after = player.feed(5300, 5302);
      must(after[0] === 0, 'a reset row is still warm');
      must(
        player.feed(5302, 5310).length > 0 && JSON.stringify(stored(player.detector)).length > 0,
        'a reset row cannot go on',
      );
    },
  };
  yield {
    name: 'keeps its rows when it grows',
    run() {
      const player = play(create());
      player.feed(0, 4000);
      const saved = stored(player.detector);
      const expected = player.feed(4000, 4300);
      player.detector.restore(saved);
      player.detector.grow(1000);
      same(expected, player.feed(4000, 4300), 'after growth');
    },
  };
}

function quantile(values: Float32Array, share: number): number {
  const sorted = values.slice().sort();
  return sorted[Math.floor(share * (sorted.length - 1))]!;
}
