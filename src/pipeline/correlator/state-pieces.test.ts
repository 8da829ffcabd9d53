import { expect, test } from 'vitest';
import type { TickReport } from '../../domain/signal/history.ts';
import { createRng } from '../../stats/rng.ts';
import { joinPieces } from '../../store/control/pieces.ts';
import { settingsSchema } from '../settings.ts';
import { createCorrelator } from './create.ts';
import { createStatePieces, type SplitState } from './state-pieces.ts';
import { madeUpReport, madeUpTick, outage } from './testing/reports.ts';

const settings = settingsSchema.parse({
  receivers: [{ name: 'pager', webhook_configs: [{ url: 'http://127.0.0.1:1' }] }],
  route: { receiver: 'pager' },
});
const make = () => createCorrelator(settings, { modelVersion: '', configHash: '' }, 'http://tocsin');

/** What a store makes of the commits. */
function stored() {
  const kept = new Map<string, string>();
  let state = '';
  return {
    commit({ state: text, pieces }: SplitState): void {
      if (pieces.all) kept.clear();
      for (const key of pieces.gone) kept.delete(key);
      for (const [key, piece] of pieces.fresh) kept.set(key, piece);
      state = text;
    },
    whole: () => joinPieces(state, kept),
    keys: () => kept.size,
  };
}

/** Services that come, go strange, recover and come back. */
function* restless(seed: number, ticks: number): Generator<TickReport> {
  const rng = createRng(seed);
  const until = new Map<string, number>();
  const start = Date.UTC(2026, 10, 20, 12);
  for (let n = 0; n < ticks; n++) {
    const at = start + n * 10_000;
    const services = Array.from({ length: 8 }, (_, i) => {
      const tenant = `t${i % 4}`;
      const service = i === 7 ? '\u00011\u0001' : `s${i}`;
      if (rng.int(25) === 0) until.set(service, n + 2 + rng.int(20));
      const strange = (until.get(service) ?? -1) >= n ? 1 + rng.int(6) : 0;
      return madeUpTick({ tenant, service, at, strange });
    });
    yield madeUpReport(n, at, services);
  }
}

test.each([1, 2, 3])('put back together it is the state, character by character, over restarts (seed %i)', (seed) => {
  let correlator = make();
  let pieces = createStatePieces();
  const store = stored();
  const rng = createRng(seed);
  let opened = 0;
  for (const report of restless(seed, 150)) {
    opened += correlator.apply(report).incidents.length;
    if (rng.int(3) > 0) continue;
    store.commit(pieces.split(correlator.state()));
    expect(store.whole()).toBe(correlator.save());
    if (rng.int(10) > 0) continue;
    correlator = make();
    correlator.restore(store.whole());
    pieces = createStatePieces();
  }
  expect(opened).toBeGreaterThan(10);
});

test('a part of equal text is kept once, and what did not change is not written again', () => {
  const correlator = make();
  const pieces = createStatePieces();
  const store = stored();
  let largest = 0;
  for (const report of outage({ services: 40, series: 8, start: 0, calmTicks: 12, badTicks: 4, calmAfter: 60 })) {
    correlator.apply(report);
    const split = pieces.split(correlator.state());
    store.commit(split);
    largest = Math.max(largest, store.keys());
    expect(pieces.split(correlator.state()).pieces).toEqual({ fresh: [], gone: [], all: false });
  }
  expect(store.whole()).toBe(correlator.save());
  expect(largest).toBeGreaterThan(40);
  expect(store.keys()).toBeLessThan(largest);
});
