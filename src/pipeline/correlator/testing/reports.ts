import type { EdgeTick, Evidence, ServiceTick } from '../../../domain/anomaly.ts';
import { createWindowRows, type TickReport } from '../../../domain/signal/history.ts';
import type { EpochMs } from '../../../domain/units.ts';

/** Tick reports as shards send them, made up: for tests and benches of what happens behind them. */

const EVIDENCE = 16;
export const TICK_MS = 10_000;

export interface MadeUp {
  readonly tenant?: string;
  readonly service: string;
  readonly at: EpochMs;
  /** How many series of it are strange; none: it is calm. */
  readonly strange?: number;
  readonly onset?: EpochMs;
  readonly metric?: string;
}

export function madeUpTick({
  tenant = 'default',
  service,
  at,
  strange = 0,
  onset = at,
  metric = 'latency',
}: MadeUp): ServiceTick {
  const p = strange > 0 ? 1e-6 : 0.4;
  return {
    tenant,
    service,
    at,
    provisional: false,
    p,
    pByModality: { metric: p, log: 1, trace: p },
    seriesSeen: 60,
    seriesStrange: strange,
    evidence: Array.from({ length: Math.min(EVIDENCE, strange) }, (_, i) =>
      evidenceOf(service, `${metric}.${i}`, at, onset),
    ),
    version: '1.0',
  };
}

const evidenceOf = (service: string, metric: string, at: EpochMs, onset: EpochMs): Evidence => ({
  series: `${service}/${metric}`,
  service,
  modality: 'metric',
  metric,
  unit: 'ms',
  labels: { route: '/' },
  instance: 'pod-1',
  kind: 'level-shift',
  at,
  onset,
  p: 1e-6,
  value: 900,
  expected: 100,
  lower: 80,
  upper: 120,
  contributions: [{ name: 'ewma', share: 1 }],
  text: `${metric} 900 ms, usually 80 to 120 ms`,
});

export const madeUpReport = (
  sequence: number,
  at: EpochMs,
  services: readonly ServiceTick[],
  edges: readonly EdgeTick[] = [],
  shard = 0,
): TickReport => ({
  shard,
  sequence,
  at,
  provisional: false,
  services,
  edges,
  deploys: [],
  templates: [],
  traces: [],
  decisions: [],
  newSeries: [],
  windows: createWindowRows(0),
});

export interface OutageOptions {
  readonly services: number;
  /** Strange series of each service. */
  readonly series: number;
  readonly start: EpochMs;
  readonly calmTicks: number;
  readonly badTicks: number;
  readonly calmAfter: number;
}

/**
 * An outage of one service that, through up to five calls, all others wait for: each service calls its parent, four to one,
 * down to `s0`, whose own time rises from 10 ms to 2 s. Everybody is strange in the same tick.
 */
export function* outage({
  services,
  series,
  start,
  calmTicks,
  badTicks,
  calmAfter,
}: OutageOptions): Generator<TickReport> {
  const depth = (i: number): number => (i === 0 ? 0 : 1 + depth((i - 1) >> 2));
  for (let n = 0; n < calmTicks + badTicks + calmAfter; n += 1) {
    const at = start + n * TICK_MS;
    const bad = n >= calmTicks && n < calmTicks + badTicks;
    const onset = start + calmTicks * TICK_MS;
    const jitter = ((n * 7919) % 13) / 10;
    const total = (i: number): number => 10 * depth(i) + (bad ? 2_000 : 10) + jitter;
    const ticks = Array.from({ length: services }, (_, i) =>
      madeUpTick({ service: `s${i}`, at, strange: bad ? series : 0, onset }),
    );
    const edges = Array.from({ length: services - 1 }, (_, k): EdgeTick => {
      const [caller, callee] = [k + 1, k >> 2];
      const surprise = bad ? 5 : 0;
      return {
        caller: `s${caller}`,
        callee: `s${callee}`,
        calls: 100,
        errors: bad ? 20 : 0,
        serverMs: total(callee),
        gapMs: 1,
        gapSurprise: 0,
        serverSurprise: surprise,
        errorSurprise: bad ? 4 : 0,
      };
    });
    yield madeUpReport(n, at, ticks, edges);
  }
}
