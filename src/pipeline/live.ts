import type { LiveView, PipelineStats } from '../domain/health.ts';
import type { Clock } from '../domain/ports.ts';
import type { EpochMs } from '../domain/units.ts';
import type { Correlator } from './correlator/correlator.ts';
import type { ShardFigures } from './shard/shard-threads.ts';

/** Rates are over about this long. */
const RATE_WINDOW_MS = 15_000;
/** Event time this far behind the clock that goes on faster than it by this factor is a back-fill. */
const BEHIND_MS = 120_000;
const FASTER = 3;

interface Totals {
  readonly at: number;
  readonly points: number;
  readonly logs: number;
  readonly spans: number;
  readonly watermark: EpochMs;
}

/** The live state of the pipeline for API and page. Call `sample` about once a second. */
export function createLive(
  correlator: Correlator,
  figures: ReadonlyMap<number, ShardFigures>,
  clock: Clock,
): LiveView & { sample(): void } {
  const startedAt = clock.now();
  let samples: Totals[] = [];
  let catchingUpFrom: EpochMs | null = null;
  const sum = (pick: (figure: ShardFigures['stats']) => number): number =>
    [...figures.values()].reduce((total, { stats }) => total + pick(stats), 0);
  const totals = (): Totals => ({
    at: clock.now(),
    points: sum((s) => s.points),
    logs: sum((s) => s.logs),
    spans: sum((s) => s.spans),
    watermark: correlator.watermark,
  });

  function rate(pick: (t: Totals) => number): number {
    const first = samples[0];
    const last = samples.at(-1);
    if (first === undefined || last === undefined || last.at <= first.at) return 0;
    return Math.max(0, ((pick(last) - pick(first)) * 1_000) / (last.at - first.at));
  }

  return {
    now: () => clock.now(),
    watermark: () => correlator.watermark,
    health: () => correlator.health(),
    graph: () => correlator.graph(),
    sample() {
      const before = samples[0];
      samples.push(totals());
      const last = samples.at(-1)!;
      if (last.at - last.watermark <= BEHIND_MS) catchingUpFrom = null;
      else if (
        before !== undefined &&
        before.watermark > 0 &&
        last.watermark - before.watermark > FASTER * (last.at - before.at)
      )
        catchingUpFrom ??= before.watermark;
      samples = samples.filter((sample) => clock.now() - sample.at <= RATE_WINDOW_MS);
    },
    stats(): PipelineStats {
      return {
        startedAt,
        catchingUpFrom,
        series: sum((s) => s.series),
        services: sum((s) => s.services),
        pointsPerSecond: rate((t) => t.points),
        logsPerSecond: rate((t) => t.logs),
        spansPerSecond: rate((t) => t.spans),
        refusedSeries: sum((s) => s.refusedSeries),
        latePoints: sum((s) => s.late + s.tooLate),
        futurePoints: sum((s) => s.future),
        duplicatePoints: sum((s) => s.duplicates),
        stateBytes: sum((s) => s.stateBytes),
        ...promotedOf([...figures.values()].map(({ stats }) => stats)),
      };
    },
  };
}

/** The promoted tiers of all shards as one; a share is weighed by series. */
function promotedOf(shards: readonly ShardFigures['stats'][]): Pick<PipelineStats, 'promoted'> {
  const tiers = shards.flatMap(({ promoted, series }) => (promoted === null ? [] : [{ ...promoted, series }]));
  if (tiers.length === 0) return {};
  const series = tiers.reduce((total, tier) => total + tier.series, 0);
  return {
    promoted: {
      held: tiers.reduce((total, tier) => total + tier.held, 0),
      slots: tiers.reduce((total, tier) => total + tier.slots, 0),
      missed: tiers.reduce((total, tier) => total + tier.missed, 0),
      dayShare: tiers.reduce((total, tier) => total + tier.dayShare * (tier.series / Math.max(1, series)), 0),
    },
  };
}
