import type { WindowRows } from '../../domain/signal/history.ts';
import type { Rollup, RollupBatch } from '../../domain/signal/rollup.ts';
import type { SeriesInfo } from '../../domain/signal/series.ts';
import { addValue, type ValueSketch } from '../../features/service-window/value-sketch.ts';

interface Group {
  readonly tenant: string;
  readonly service: string;
  readonly metric: string;
}
interface Sum {
  count: number;
  mean: number;
  m2: number;
  min: number;
  max: number;
  readonly sketch: ValueSketch;
}

/**
 * Combines the finished windows of a report into one rollup per service, tick and metric, a hundred times fewer rows than
 * series. Flink gets these and never a sample.
 */
export class Rollups {
  /** Of each series of the shard, once it was asked for. */
  readonly #groups: (Group | undefined)[] = [];
  readonly #describe: (series: number) => SeriesInfo;

  constructor(describe: (series: number) => SeriesInfo) {
    this.#describe = describe;
  }

  of(windows: WindowRows): RollupBatch[] {
    const batches = new Map<
      string,
      { readonly group: Group; readonly tick: number; readonly sums: Map<string, Sum> }
    >();
    for (let i = 0; i < windows.length; i++) {
      if (windows.count[i]! <= 0) continue;
      const group = this.#group(windows.series[i]!);
      const tick = windows.start[i]!;
      const key = `${tick} ${group.tenant}\u0000${group.service}`;
      let batch = batches.get(key);
      if (batch === undefined) {
        batch = { group, tick, sums: new Map() };
        batches.set(key, batch);
      }
      add(batch.sums, group.metric, windows, i);
    }
    return [...batches.values()].map(({ group, tick, sums }) => ({
      tenant: group.tenant,
      service: group.service,
      tick,
      rows: [...sums].map(([metric, sum]): Rollup => ({ metric, ...sum })),
    }));
  }

  #group(series: number): Group {
    let group = this.#groups[series];
    if (group === undefined) {
      const { tenant, service, metric } = this.#describe(series);
      group = { tenant, service, metric };
      this.#groups[series] = group;
    }
    return group;
  }

  /** Rows that are given to others. */
  evict(series: readonly number[]): void {
    for (const row of series) this.#groups[row] = undefined;
  }
}

function add(sums: Map<string, Sum>, metric: string, windows: WindowRows, i: number): void {
  const count = windows.count[i]!;
  const mean = windows.mean[i]!;
  const m2 = windows.variance[i]! * count;
  const sum = sums.get(metric);
  if (sum === undefined) {
    const sketch: ValueSketch = new Map();
    addValue(sketch, mean);
    sums.set(metric, { count, mean, m2, min: windows.min[i]!, max: windows.max[i]!, sketch });
    return;
  }
  const total = sum.count + count;
  const distance = mean - sum.mean;
  sum.m2 += m2 + (distance * distance * sum.count * count) / total;
  sum.mean += (distance * count) / total;
  sum.count = total;
  sum.min = Math.min(sum.min, windows.min[i]!);
  sum.max = Math.max(sum.max, windows.max[i]!);
  addValue(sum.sketch, mean);
}
