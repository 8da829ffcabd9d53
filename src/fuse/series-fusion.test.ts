import { describe, expect, it } from 'vitest';
import { alwaysOnWeights, createAlwaysOn } from '../detect/registry.ts';
import { createPointBatch } from '../domain/signal/batch.ts';
import { MINUTE } from '../domain/units.ts';
import { createRng, type Rng } from '../stats/rng.ts';
import { createSeriesFusion, type SeriesFusion } from './series-fusion.ts';
import { createSeriesScores } from './series-scores.ts';

const START = Date.UTC(2026, 0, 5);

function tier(): SeriesFusion {
  const fusion = createSeriesFusion(createAlwaysOn(), { weights: alwaysOnWeights() });
  fusion.grow(4);
  return fusion;
}

/** Feeds one series and returns its surprises, change points and last reason asked for. */
function feed(fusion: SeriesFusion, from: number, values: ArrayLike<number>, ask = -1) {
  const batch = createPointBatch(1);
  const out = createSeriesScores(1);
  batch.length = 1;
  const surprise = new Float32Array(values.length);
  const extent = new Float32Array(values.length);
  let changePoints = 0;
  let reason = out.explain(0);
  for (let i = 0; i < values.length; i++) {
    batch.time[0] = START + (from + i) * MINUTE;
    batch.value[0] = values[i]!;
    fusion.observe(batch, out);
    surprise[i] = out.surprise[0]!;
    extent[i] = out.extent[0]!;
    changePoints += out.changePoint[0]!;
    if (i === ask) reason = out.explain(0);
  }
  return { surprise, extent, changePoints, reason };
}

function poisson(r: Rng, mean: number): number {
  let k = -1;
  for (let sum = 0; sum < mean; k++) sum += r.exponential();
  return k;
}

const noises = {
  gaussian: (r) => 50 + 5 * r.normal(),
  'skewed (log-normal)': (r) => 10 * Math.exp(r.normal()),
  'heavy-tailed (t, 3 degrees)': (r) =>
    r.normal() / Math.sqrt((r.normal() ** 2 + r.normal() ** 2 + r.normal() ** 2) / 3),
  diurnal: (r, i) => 100 + 50 * Math.sin((i / 1440) * 2 * Math.PI) + 5 * r.normal(),
  'small counts': (r) => poisson(r, 2),
} satisfies Record<string, (r: Rng, i: number) => number>;

const degenerate = {
  'mostly zero': (r) => (r.next() < 0.01 ? Math.ceil(r.next() * 5) : 0),
  'near-constant': (r) => (r.next() < 0.003 ? 1001 : 1000),
} satisfies Record<string, (r: Rng, i: number) => number>;

function shares(value: (r: Rng, i: number) => number): [number, number] {
  const rng = createRng(7);
  let low = 0;
  let lowest = 0;
  let all = 0;
  for (let run = 0; run < 3; run++) {
    const { surprise } = feed(
      tier(),
      0,
      Float64Array.from({ length: 14_000 }, (_, i) => value(rng, i)),
    );
    for (const s of surprise.subarray(3000)) {
      all++;
      if (s > 2) low++;
      if (s > 4) lowest++;
    }
  }
  return [low / all, lowest / all];
}

describe('calibration on quiet data', () => {
  it.each(Object.entries(noises))(
    '%s: p < 0.01 comes to about one in a hundred, p < 1e-4 to one in ten thousand',
    (_, value) => {
      const [low, lowest] = shares(value);
      expect(low).toBeGreaterThan(0.005);
      expect(low).toBeLessThan(0.02);
      expect(lowest).toBeLessThan(6e-4);
    },
  );

  it.each(Object.entries(degenerate))(
    '%s: has few levels of strangeness, and never more alarms than the nominal share',
    (_, value) => {
      const [low, lowest] = shares(value);
      expect(low).toBeLessThan(0.02);
      expect(lowest).toBeLessThan(6e-4);
    },
  );
});

describe('what it finds', () => {
  const quiet = (seed: number, length: number): Float64Array => {
    const rng = createRng(seed);
    return Float64Array.from({ length }, () => 50 + 5 * rng.normal());
  };

  it('a spike at once, named as such, with shares that sum to 1', () => {
    const fusion = tier();
    feed(fusion, 0, quiet(1, 5000));
    const { surprise, reason } = feed(fusion, 5000, [140, 50, 51], 0);
    expect(surprise[0]).toBeGreaterThan(3.3);
    expect(surprise[1]).toBeLessThan(3);
    expect(reason.kind).toBe('spike');
    expect(reason.onset).toBe(START + 5000 * MINUTE);
    expect(reason.contributions.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  });

  it('a dip to zero', () => {
    const fusion = tier();
    feed(fusion, 0, quiet(2, 5000));
    expect(feed(fusion, 5000, [0], 0).reason.kind).toBe('zero');
  });

  it('a lasting shift: strange at first, accepted as a change point, quiet after', () => {
    const fusion = tier();
    feed(fusion, 0, quiet(3, 5000));
    const { surprise, changePoints } = feed(
      fusion,
      5000,
      quiet(4, 600).map((x) => x + 60),
    );
    expect(surprise[0]).toBeGreaterThan(3);
    expect(changePoints).toBeGreaterThanOrEqual(1);
    expect(changePoints).toBeLessThanOrEqual(2);
    expect(surprise.subarray(200).filter((s) => s > 3).length).toBeLessThan(6);
  });

  it('keeps the extent up for a while after the instant', () => {
    const fusion = tier();
    feed(fusion, 0, quiet(5, 5000));
    const { surprise, extent } = feed(fusion, 5000, [160, 50, 50, 50]);
    expect(extent[3]).toBeGreaterThan(surprise[3]!);
    expect(extent[3]).toBeLessThan(extent[0]!);
  });

  it('nothing before it has seen enough', () => {
    expect(Math.max(...feed(tier(), 0, quiet(6, 100)).surprise)).toBe(0);
  });
});

describe('state', () => {
  it('restored, scores the same bit by bit; NaN leaves no trace', () => {
    const rng = createRng(9);
    const values = Float64Array.from({ length: 4000 }, () => 20 + rng.normal());
    const first = tier();
    feed(first, 0, values.subarray(0, 3000));
    const saved = structuredClone(first.save());
    const second = tier();
    second.restore(saved);
    feed(second, 3000, [Number.NaN, Number.POSITIVE_INFINITY]);
    expect(second.save()).toEqual(saved);
    const rest = values.subarray(3000);
    expect(feed(second, 3000, rest).surprise).toEqual(feed(first, 3000, rest).surprise);
  });

  it('stays within the memory of the tier', () => {
    expect(tier().bytesPerSeries).toBeLessThanOrEqual(850);
  });
});
