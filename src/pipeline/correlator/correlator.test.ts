import { describe, expect, it } from 'vitest';
import type { Evidence, ServiceTick } from '../../domain/anomaly.ts';
import { createWindowRows, type TickReport } from '../../domain/signal/history.ts';
import type { Modality } from '../../domain/signal/series.ts';
import { settingsSchema } from '../settings.ts';
import { Correlator, type CorrelatorStep } from './correlator.ts';

const T0 = Date.UTC(2026, 10, 20, 12, 0, 0);
const TICK = 10_000;
const SERVICES = ['web', 'checkout', 'payments'];
const settings = settingsSchema.parse({
  receivers: [{ name: 'team', webhook_configs: [{ url: 'http://127.0.0.1:1/team' }] }],
  route: { receiver: 'team', group_wait: '30s', group_interval: '1m', repeat_interval: '10m' },
});
const build = (): Correlator =>
  new Correlator(settings, {
    route: settings.route as never,
    receivers: ['team'],
    externalUrl: 'http://tocsin',
    stamp: { modelVersion: 'm', configHash: 'c' },
  });

const evidence = (service: string, at: number, i: number): Evidence => ({
  series: `${i}`.padStart(16, '0'),
  service,
  modality: 'metric',
  metric: `latency.${i}`,
  unit: 'ms',
  labels: { route: '/pay' },
  instance: 'pod-1',
  kind: 'level-shift',
  at,
  onset: at - 20_000,
  p: 1e-6,
  // Some detectors have no expectation, and a series that ended has no value.
  value: i === 2 ? Number.NaN : 900,
  expected: i === 1 ? Number.NaN : 100,
  lower: i === 1 ? Number.NaN : 80,
  upper: i === 1 ? Number.NaN : 120,
  contributions: [{ name: 'ewma', share: 1 }],
  text: 'far above',
});

/** Calm, then payments and its caller fail after a deploy, then calm: one report a tick, some with one before its end. */
function* story(): Generator<TickReport> {
  let sequence = 0;
  for (let n = 1; n <= 150; n++) {
    const at = T0 + n * TICK;
    const strange = (service: string): boolean => service !== 'web' && ((n >= 30 && n < 70) || (n >= 110 && n < 120));
    const tick = (service: string, provisional: boolean): ServiceTick => {
      const p = strange(service) ? 1e-6 : 0.05 + ((n * 7919 + service.length * 104_729) % 900) / 1000;
      return {
        tenant: 'default',
        service,
        at,
        provisional,
        p,
        pByModality: { metric: p, log: 1, trace: 1 } as Readonly<Record<Modality, number>>,
        seriesSeen: 20,
        seriesStrange: strange(service) ? 6 : 0,
        evidence: strange(service) ? [0, 1, 2, 3].map((i) => evidence(service, at, i)) : [],
        version: service === 'payments' && n >= 28 ? '1.1' : '1.0',
      };
    };
    const edge = (caller: string, callee: string) => ({
      caller,
      callee,
      calls: 100 + (n % 7),
      errors: strange(callee) ? 30 : 0,
      // Not known before the first joined span.
      serverMs: n < 5 ? Number.NaN : strange(callee) ? 900 : 40 + (n % 3),
      gapMs: n % 4 === 0 ? Number.NaN : 2,
      gapSurprise: 0,
      serverSurprise: strange(callee) ? 5 : 0,
      errorSurprise: strange(callee) ? 4 : 0,
    });
    const report = (provisional: boolean): TickReport => ({
      shard: 0,
      sequence: sequence++,
      at,
      provisional,
      services: SERVICES.filter((service) => !provisional || strange(service)).map((s) => tick(s, provisional)),
      edges: provisional ? [] : [edge('web', 'checkout'), edge('checkout', 'payments')],
      deploys: !provisional && n === 28 ? [{ service: 'payments', from: '1.0', to: '1.1', at }] : [],
      templates: [],
      traces: [],
      decisions: [],
      newSeries: [],
      windows: createWindowRows(0),
    });
    if (n % 10 === 0) yield report(true);
    yield report(false);
  }
}

describe('a correlator restored from its saved state', () => {
  const reports = [...story()];

  it('takes every further step as the one that went on, wherever it was saved', () => {
    const whole = build();
    const saved: string[] = [];
    const steps: CorrelatorStep[] = reports.map((report) => {
      saved.push(whole.save());
      return whole.apply(report);
    });
    expect(steps.flatMap((step) => step.incidents.map((incident) => incident.status))).toContain('closed');
    expect(steps.flatMap((step) => step.outbox).length).toBeGreaterThan(0);
    for (let from = 1; from < reports.length; from += 9) {
      const again = build();
      again.restore(saved[from]!);
      expect(again.save()).toBe(saved[from]);
      for (let i = from; i < reports.length; i++) expect(again.apply(reports[i]!)).toEqual(steps[i]);
      expect(again.health()).toEqual(whole.health());
      expect(again.graph()).toEqual(whole.graph());
    }
  });

  it('keeps what a service last said of its version, and the time of calls once it is known', () => {
    const first = build();
    for (const report of reports) first.apply(report);
    const again = build();
    again.restore(first.save());
    expect(again.health().map(({ service, version }) => [service, version])).toEqual([
      ['checkout', '1.0'],
      ['payments', '1.1'],
      ['web', '1.0'],
    ]);
    // 40 to 42 ms, and a little of the 900 ms of five minutes ago.
    expect(again.graph().filter(({ serverMs }) => serverMs > 40 && serverMs < 50)).toHaveLength(2);
  });
});
