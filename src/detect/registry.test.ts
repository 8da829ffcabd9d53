import { describe, expect, it } from 'vitest';
import { seriesDetectorContract } from './contract.ts';
import { createAlwaysOn, SERIES_DETECTORS, type SeriesDetectorName } from './registry.ts';

const names = Object.keys(SERIES_DETECTORS) as SeriesDetectorName[];

describe.each(names)('contract of %s', (name) => {
  const others = names.filter((other) => other !== name);
  for (const check of seriesDetectorContract(() => createAlwaysOn({ off: others })[0]!))
    it(check.name, () => check.run());
});

describe('registry', () => {
  it('names each detector as its entry, in a fixed order', () => {
    expect(createAlwaysOn().map((detector) => detector.name)).toEqual(names);
  });

  it('hands options on and keeps the other defaults', () => {
    const off = names.filter((name) => name !== 'ewma');
    const slow = createAlwaysOn({ off, detectors: { ewma: { levelSamples: 1e6 } } })[0]!;
    expect(slow.name).toBe('ewma');
  });

  it('stays within its share of the memory of a series', () => {
    const bytes = createAlwaysOn().reduce((sum, detector) => sum + detector.bytesPerSeries, 0);
    expect(bytes).toBeLessThanOrEqual(600);
  });
});
