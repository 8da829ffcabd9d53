import { describe, expect, it } from 'vitest';
import { createScoreColumns } from '../domain/detector.ts';
import { createPointBatch } from '../domain/signal/batch.ts';
import { seriesDetectorContract } from './contract.ts';
import { createAlwaysOn, createDetector, SERIES_DETECTORS, type SeriesDetectorName } from './registry.ts';

const names = Object.keys(SERIES_DETECTORS) as SeriesDetectorName[];

describe.each(names)('contract of %s', (name) => {
  for (const check of seriesDetectorContract(() => createDetector(name))) it(check.name, () => check.run());
});

describe('the tier as one detector', () => {
  /** Detector d of the tier under the contract of a detector by itself. */
  const columnOf = (name: SeriesDetectorName) => () => {
    const tier = createAlwaysOn();
    const d = tier.names.indexOf(name);
    const others = tier.names.map(() => createScoreColumns(16));
    return {
      ...tier,
      name,
      observe: (
        batch: Parameters<typeof tier.observe>[0],
        learn: Uint8Array,
        out: ReturnType<typeof createScoreColumns>,
      ) => {
        const { expected, lower, upper } = out;
        const raw = others.map((column, k) => (k === d ? out.raw : column.raw));
        const ready = others.map((column, k) => (k === d ? out.ready : column.ready));
        tier.observe(batch, learn, { raw, ready, expected, lower, upper });
      },
      save: () => {
        const parts = tier.save();
        const arrays = Object.entries(parts).flatMap(([part, { arrays: own }]) =>
          Object.entries(own).map(([array, words]) => [`${part} ${array}`, words] as const),
        );
        const version = Math.max(...Object.values(parts).map((part) => part.version));
        return { version, arrays: Object.fromEntries(arrays), meta: parts };
      },
      restore: (state: { version: number; meta: unknown }) => {
        const parts = Object.entries(state.meta as ReturnType<typeof tier.save>);
        // A fault in the outer version stands for one in every part.
        const restored = parts.map(([part, blob]) => [
          part,
          { ...blob, version: state.version > 9 ? state.version : blob.version },
        ]);
        tier.restore(Object.fromEntries(structuredClone(restored)));
      },
    };
  };
  for (const check of seriesDetectorContract(columnOf('ar'))) it(check.name, () => check.run());
});

describe('registry', () => {
  it('makes every detector once, named as its entry', () => {
    expect([...createAlwaysOn().names].sort()).toEqual([...names].sort());
    expect(names.map((name) => createDetector(name).name)).toEqual(names);
  });

  it('keeps a detector silent that is off, in the point tier or behind it', () => {
    const tier = createAlwaysOn({ off: ['ewma', 'twin', 'seasonal'] });
    expect(tier.names).not.toContain('seasonal');
    tier.grow(1);
    const columns = tier.names.map(() => createScoreColumns(1));
    const [expected, lower, upper] = [0, 1, 2].map(() => new Float32Array(1));
    const batch = createPointBatch(1);
    batch.length = 1;
    const spoke = tier.names.map(() => false);
    for (let i = 0; i < 1000; i++) {
      batch.time[0] = i * 60_000;
      batch.value[0] = (i * 7919) % 13;
      tier.observe(batch, new Uint8Array([1]), {
        raw: columns.map((column) => column.raw),
        ready: columns.map((column) => column.ready),
        expected: expected!,
        lower: lower!,
        upper: upper!,
      });
      columns.forEach((column, d) => {
        spoke[d] ||= column.ready[0] === 1;
      });
    }
    expect(tier.names.filter((_, d) => !spoke[d])).toEqual(['ewma', 'twin']);
  });

  it('stays within its share of the memory of a series', () => {
    expect(createAlwaysOn().bytesPerSeries).toBeLessThanOrEqual(400);
  });
});
