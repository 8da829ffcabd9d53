import { describe, expect, it } from 'vitest';
import { createPointBatch } from '../domain/signal/batch.ts';
import { FEATURES, HISTOGRAM_FEATURES, WINDOW_AGGREGATES, WINDOW_FEATURES, WINDOW_SPECS } from './spec.ts';
import { createWindows } from './window/window.ts';

const START = 1_699_999_200_000;

describe('feature catalogue', () => {
  it('names each feature once and documents it', () => {
    const names = FEATURES.map((feature) => feature.name);
    expect(new Set(names).size).toBe(names.length);
    for (const feature of FEATURES) expect(feature.doc).toMatch(/^[A-Z0-9].*\.$/);
  });

  it('nests windows, so that finer ones can be folded into coarser ones', () => {
    for (let i = 1; i < WINDOW_SPECS.length; i++) {
      expect(WINDOW_SPECS[i]!.ms % WINDOW_SPECS[i - 1]!.ms).toBe(0);
    }
    expect(WINDOW_FEATURES).toHaveLength(WINDOW_SPECS.length * WINDOW_AGGREGATES.length);
  });

  it('lists only what the engine produces: every window, every aggregate, with the values it says', () => {
    const windows = createWindows();
    windows.grow(1);
    const batch = createPointBatch(1);
    const none = new Float32Array(1);
    batch.length = 1;
    // Two hours of one sample a second, 0 to 9 again and again.
    for (let i = 0; i < 7200; i++) {
      batch.time[0] = START + i * 1000;
      batch.value[0] = i % 10;
      windows.observe(batch, none, none, none, none);
    }
    const expected = { mean: 4.5, variance: 8.25, min: 0, max: 9, last: 9 };
    for (const feature of WINDOW_FEATURES) {
      const { kind } = feature.aggregate;
      const out = { count: -1, mean: -1, variance: -1, min: -1, max: -1, last: -1 };
      const window = WINDOW_SPECS.find((one) => one.name === feature.window)!;
      windows.read(0, window.name, START + 7_200_000, 'finished', out);
      const want = kind === 'count' ? window.ms / 1000 : expected[kind as keyof typeof expected];
      expect(out[kind as keyof typeof out], feature.name).toBeCloseTo(want, 3);
    }
  });

  it('gives every computed series a template with the metric it comes from', () => {
    const templates = HISTOGRAM_FEATURES.map((feature) => feature.metric);
    expect(new Set(templates).size).toBe(templates.length);
    for (const template of templates) expect(template).toMatch(/^\{metric\}\.[a-z0-9]+$/);
  });
});
