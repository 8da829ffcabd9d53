import { describe, expect, it } from 'vitest';
import { DAY } from '../../domain/units.ts';
import { noiseLedger } from '../../learn/noise/noise.ts';
import { NOW, serveFixture } from '../testing/harness.ts';
import { driftReport, noiseReport } from './schema.ts';

const DRIFT = {
  items: [{ class: 'trace', kind: 'uniformity', since: 1, at: 2, statistic: 0.03, threshold: 0.02, text: 'too many' }],
  classes: [{ class: 'trace', values: 10_000, share: 0.03, enough: true }],
} as const;

describe('drift and noise', () => {
  it('are answered as the schemas say', async () => {
    const asked: number[][] = [];
    const { app } = await serveFixture({
      drift: () => DRIFT,
      noise: (from, to) => {
        asked.push([from, to]);
        return Promise.resolve(noiseLedger([], from, to));
      },
    });
    expect(driftReport.strict().parse((await app.inject('/api/v1/drift')).json())).toEqual(DRIFT);
    noiseReport.strict().parse((await app.inject('/api/v1/noise')).json());
    await app.inject('/api/v1/noise?from=1000&to=2000');
    expect(asked).toEqual([
      [NOW - 28 * DAY, NOW],
      [1_000, 2_000],
    ]);
    expect((await app.inject('/api/v1/noise?from=2000&to=1000')).statusCode).toBe(400);
    await app.close();
  });

  it('are not there where nobody watches', async () => {
    const { app } = await serveFixture();
    expect((await app.inject('/api/v1/drift')).statusCode).toBe(404);
    expect((await app.inject('/api/v1/noise')).statusCode).toBe(404);
    await app.close();
  });
});
