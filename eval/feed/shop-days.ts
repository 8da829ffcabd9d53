import { effectOf, type Fault, type FaultKind } from '../../src/cli/demo/faults.ts';
import { encodeLogs, encodeMetrics, encodeSpans } from '../../src/cli/demo/otlp.ts';
import { Shop } from '../../src/cli/demo/simulate.ts';
import type { Signal } from '../../src/domain/ports.ts';
import { MINUTE, SECOND } from '../../src/domain/units.ts';

export interface ShopDays {
  /** Start in event time, ms. */
  readonly start: number;
  /** ms without any fault before the first one. */
  readonly quiet: number;
  /** Times that the list of faults is gone through, each time on other services. */
  readonly rounds: number;
  readonly seed: number;
  /** Event time per request, ms. */
  readonly step: number;
  /** Requests traced a second. */
  readonly traces: number;
}

const LEAD = MINUTE;
const SEGMENT = 14 * MINUTE;
const ROUNDS: readonly (readonly (readonly [FaultKind, string, number])[])[] = [
  [
    ['latency', 'payments', 4],
    ['errors', 'catalog', 4],
    ['bad-deploy', 'checkout', 5],
    ['saturation', 'search', 6],
    ['silence', 'shipping', 4],
  ],
  [
    ['latency', 'currency', 4],
    ['errors', 'recommendations', 4],
    ['bad-deploy', 'cart', 5],
    ['saturation', 'fraud', 6],
    ['silence', 'email', 4],
  ],
];

/** The faults that follow the quiet days, in order; each owns the segment from a minute before it. */
export function shopFaults(days: ShopDays): Fault[] {
  const faults: Fault[] = [];
  for (let round = 0; round < days.rounds; round++) {
    for (const [kind, service, minutes] of ROUNDS[round % ROUNDS.length]!) {
      const from = days.start + days.quiet + faults.length * SEGMENT + LEAD;
      faults.push({ kind, service, from, to: from + minutes * MINUTE, title: `${kind} ${service}` });
    }
  }
  return faults;
}

/** The end of the time that belongs to a fault: nothing that opens before it may be called a false alarm. */
export const aftermath = (fault: Fault): number => fault.from - LEAD + SEGMENT;

export type Send = (signal: Signal, body: Uint8Array, at: number) => void;

/** Plays the demo's shop: quiet days, then each fault in turn. The same options give the same bytes. */
export function playShop(days: ShopDays, send: Send): void {
  const shop = new Shop(days.seed, days.start);
  const faults = shopFaults(days);
  const end = days.start + days.quiet + faults.length * SEGMENT;
  for (let at = days.start; at < end; at += days.step) {
    const now = faults.filter((fault) => effectOf([fault], fault.service, at) !== effectOf([], '', at));
    const told = shop.step(at, days.step, Math.round((days.traces * days.step) / SECOND), now);
    send('metrics', encodeMetrics(told.gauges, told.histograms), at + days.step);
    if (told.spans.length > 0) send('traces', encodeSpans(told.spans), at + days.step);
    if (told.logs.length > 0) send('logs', encodeLogs(told.logs), at + days.step);
  }
}
