import { createSilence } from '../../detect/silence/silence.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { SERIES_KIND } from '../../domain/signal/series.ts';
import { MINUTE } from '../../domain/units.ts';
import { createServiceFusion } from '../../fuse/service/service.ts';
import { ShardSeriesTable } from '../../ingest/series/series-table.ts';
import type { InjectedCase } from '../../learn/self-test/inject.ts';
import { MetricPath } from '../engine/metric-path.ts';
import type { Settings } from '../settings.ts';

/** What is fed: a minute a row, or a running total, in its order of arrival. */
export type Fed = Pick<InjectedCase, 'value' | 'arrival' | 'counter'>;

/** Monday, 00:00 UTC. */
const BEGIN = Date.UTC(2026, 0, 5);
const LEAST_P = 1e-6;

/**
 * Surprise (-log10 p) of every row of every series, from the path that samples take in a shard: event time, rates, silence,
 * the always-on tier and policies of these settings. A silence counts on the rows on which it is reported.
 */
export function scoreThroughShard(series: readonly Fed[], settings: Settings): Float32Array[] {
  const table = new ShardSeriesTable({ maxSeriesPerTenant: series.length + 1 });
  const service = createServiceFusion((index) => table.describeService(index), settings.detect.service);
  const silence = createSilence(settings.detect.silence);
  const path = new MetricPath(table, service, silence, {
    ...settings,
    detect: { ...settings.detect, rows: { ...settings.detect.rows, on: [] } },
  });
  // A service each: else what is done to one would be silence of one instance among many.
  const index = series.map(({ counter }, i) => {
    const row = table.derive(table.ensureService('self-test', `case-${i}`), 'injected', {}, '1', 'metric');
    if (counter) table.kind[row] = SERIES_KIND.counter;
    return row;
  });
  const caseOf = new Map(index.map((row, i) => [row, i]));
  const scores = series.map(({ value }) => new Float32Array(value.length));
  const rows = series.reduce((most, { value }) => Math.max(most, value.length), 0);
  let batch = createPointBatch(series.length * 2);
  const raise = (row: number, at: number, surprise: number): void => {
    const own = scores[caseOf.get(row) ?? -1];
    if (own !== undefined && surprise > (own[at] ?? Number.POSITIVE_INFINITY)) own[at] = surprise;
  };
  for (let minute = 0; minute < rows; minute++) {
    const now = BEGIN + minute * MINUTE;
    batch.length = 0;
    for (let i = 0; i < series.length; i++) {
      const { value, arrival } = series[i]!;
      if (arrival !== null && batch.series.length < batch.length + arrival[minute]!.length + series.length) {
        const larger = createPointBatch(batch.series.length * 2);
        for (const name of ['series', 'time', 'value'] as const)
          larger[name].set(batch[name].subarray(0, batch.length));
        larger.length = batch.length;
        batch = larger;
      }
      const arrived = arrival === null ? 1 : arrival[minute]!.length;
      for (let k = 0; k < arrived; k++) {
        const row = arrival === null ? minute : arrival[minute]![k]!;
        const x = value[row];
        if (x === undefined || Number.isNaN(x)) continue;
        const n = batch.length++;
        batch.series[n] = index[i]!;
        batch.time[n] = BEGIN + row * MINUTE;
        batch.value[n] = x;
      }
    }
    table.touchBatch(batch);
    path.points(batch, now);
    const windows = path.closeWindows(now + MINUTE / 2);
    for (let w = 0; w < windows.length; w++)
      raise(windows.series[w]!, Math.round((windows.start[w]! - BEGIN) / MINUTE), windows.surprise[w]!);
    const { lastSeen, interval, lag } = path.eventTime;
    for (const found of silence.scan(now + MINUTE / 2, lastSeen, interval, lag, table))
      if (found.status === 'open' && found.kind !== 'zero')
        for (const row of found.series) raise(row, minute, -Math.log10(Math.max(found.p, LEAST_P)));
    service.close(now + MINUTE / 2, () => null);
    path.endTick();
  }
  return scores;
}
