import type { Rollup, RollupBatch } from '../../domain/signal/rollup.ts';
import type { EpochMs } from '../../domain/units.ts';
import { SERVICE_WINDOWS } from '../spec.ts';
import { mergeSketch, sketchQuantile, type ValueSketch } from './value-sketch.ts';

/** One window of one metric of one service, over all its series. */
export interface ServiceWindowRow {
  readonly tenant: string;
  readonly service: string;
  readonly metric: string;
  /** `1m`, `5m`, `1h`. */
  readonly window: string;
  readonly start: EpochMs;
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
  readonly min: number;
  readonly max: number;
  readonly p50: number;
  readonly p99: number;
  /** Change of the mean against the window before, per second; null for the first. */
  readonly rate: number | null;
}

interface Group {
  count: number;
  mean: number;
  m2: number;
  min: number;
  max: number;
  readonly sketch: ValueSketch;
}

/**
 * Rollups to windows, in event time: what Flink does scaled out, for one process and as the other half of the differential test.
 * A window closes when a rollup at or behind its end comes, or with `close`.
 */
export class ServiceWindows {
  /** By window, then by its start, then by series group. */
  readonly #open = SERVICE_WINDOWS.map(() => new Map<EpochMs, Map<string, Group>>());
  readonly #before = SERVICE_WINDOWS.map(() => new Map<string, { readonly start: EpochMs; readonly mean: number }>());

  /** Takes a batch in. */
  add({ tenant, service, tick, rows }: RollupBatch): void {
    for (const [i, { ms }] of SERVICE_WINDOWS.entries()) {
      const start = Math.floor(tick / ms) * ms;
      const groups = this.#open[i]!.get(start) ?? new Map<string, Group>();
      this.#open[i]!.set(start, groups);
      for (const row of rows) addRow(groups, `${tenant}\u0000${service}\u0000${row.metric}`, row);
    }
  }

  /** Windows that ended by `now` in event time, oldest first; a window is given out once. */
  close(now: EpochMs = Number.POSITIVE_INFINITY): ServiceWindowRow[] {
    const out: ServiceWindowRow[] = [];
    for (const [i, { name, ms }] of SERVICE_WINDOWS.entries()) {
      const open = this.#open[i]!;
      for (const start of [...open.keys()].sort((a, b) => a - b)) {
        if (start + ms > now) break;
        for (const [key, group] of [...open.get(start)!].sort(([a], [b]) => (a < b ? -1 : 1))) {
          const before = this.#before[i]!.get(key);
          this.#before[i]!.set(key, { start, mean: group.mean });
          const [tenant, service, metric] = key.split('\u0000') as [string, string, string];
          const { count, mean, m2, min, max, sketch } = group;
          out.push({
            tenant,
            service,
            metric,
            window: name,
            start,
            count,
            mean,
            min,
            max,
            variance: m2 / count,
            p50: sketchQuantile(sketch, 0.5),
            p99: sketchQuantile(sketch, 0.99),
            rate: before === undefined ? null : ((mean - before.mean) * 1_000) / (start - before.start),
          });
        }
        open.delete(start);
      }
    }
    return out;
  }
}

function addRow(groups: Map<string, Group>, key: string, row: Rollup): void {
  if (row.count <= 0) return;
  const group = groups.get(key);
  if (group === undefined) {
    const { count, mean, m2, min, max } = row;
    groups.set(key, { count, mean, m2, min, max, sketch: new Map(row.sketch) });
    return;
  }
  const total = group.count + row.count;
  const distance = row.mean - group.mean;
  group.m2 += row.m2 + (distance * distance * group.count * row.count) / total;
  group.mean += (distance * row.count) / total;
  group.count = total;
  group.min = Math.min(group.min, row.min);
  group.max = Math.max(group.max, row.max);
  mergeSketch(group.sketch, row.sketch);
}

/** Correlation of two services' values, tick by tick: Pearson's r; null when there is none. */
export function pearson(x: readonly number[], y: readonly number[]): number | null {
  let n = 0;
  let meanX = 0;
  let meanY = 0;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < x.length; i++) {
    n++;
    const dx = x[i]! - meanX;
    meanX += dx / n;
    const dy = y[i]! - meanY;
    meanY += dy / n;
    xx += dx * (x[i]! - meanX);
    yy += dy * (y[i]! - meanY);
    xy += dx * (y[i]! - meanY);
  }
  return n < 2 || xx <= 0 || yy <= 0 ? null : xy / Math.sqrt(xx * yy);
}
