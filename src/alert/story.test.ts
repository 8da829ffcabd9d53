import { describe, expect, it } from 'vitest';
import type { EdgeTick, Evidence, ServiceTick } from '../domain/anomaly.ts';
import type { DecisionRecord } from '../domain/decision.ts';
import type { Incident } from '../domain/incident.ts';
import type { DeployMarker } from '../domain/signal/batch.ts';
import { MODALITY } from '../domain/signal/series.ts';
import { HOUR, MINUTE } from '../domain/units.ts';
import { createDecide } from '../fuse/decide/decide.ts';
import { createDiagnosis } from '../fuse/diagnose/diagnose.ts';
import { evidenceText } from '../fuse/explain/explain.ts';
import { anomalyText, incidentSummary, incidentTitle } from '../fuse/explain/story.ts';
import { createServiceFusion } from '../fuse/service/service.ts';
import { createRng } from '../stats/rng.ts';
import { createIncidents } from './group/group.ts';

/** A shop of twelve services, from calibrated p-values to incidents, in virtual time. */
const SHOP = [
  'frontend',
  'checkout',
  'payments',
  'cart',
  'catalog',
  'search',
  'recommendation',
  'shipping',
  'email',
  'currency',
  'inventory',
  'ads',
];
const CALLS: readonly (readonly [string, string])[] = [
  ['frontend', 'checkout'],
  ['frontend', 'cart'],
  ['frontend', 'catalog'],
  ['frontend', 'search'],
  ['frontend', 'recommendation'],
  ['frontend', 'ads'],
  ['checkout', 'payments'],
  ['checkout', 'shipping'],
  ['checkout', 'email'],
  ['checkout', 'cart'],
  ['payments', 'currency'],
  ['catalog', 'inventory'],
  ['search', 'inventory'],
  ['recommendation', 'catalog'],
];
const SERIES = 10;
const START = Date.UTC(2026, 0, 5);

/** A fault: its service works slower by so many ms; callers wait. `deploy` marks a rollout two minutes before. */
interface Fault {
  readonly service: string;
  readonly from: number;
  readonly to: number;
  readonly addedMs: number;
  readonly deploy?: boolean;
}

function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const d = 0.3989422804 * Math.exp((-z * z) / 2);
  const q = d * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? Math.max(q, 1e-9) : 1 - q;
}

/** Who is affected, and how many calls away from the fault. */
function affected(fault: Fault): Map<string, number> {
  const out = new Map([[fault.service, 0]]);
  for (const [service, depth] of out) {
    for (const [caller, callee] of CALLS) if (callee === service && !out.has(caller)) out.set(caller, depth + 1);
  }
  return out;
}

function world(tickMs: number, faults: readonly Fault[], seed: number, correlation = 0.3) {
  const rng = createRng(seed);
  const fusion = createServiceFusion((service) => ({ tenant: 'default', service: SHOP[service] ?? '' }));
  const decide = createDecide(anomalyText);
  const diagnosis = createDiagnosis();
  let deploys: DeployMarker[] = [];
  const incidents = createIncidents({
    diagnose: (story) => diagnosis.rank({ ...story, suspects: [], deploys }),
    narrate: (story) => ({ title: incidentTitle(story), summary: incidentSummary(story) }),
  });
  const n = SHOP.length * SERIES;
  const series = Int32Array.from({ length: n }, (_, i) => i);
  const serviceOf = series.map((i) => Math.floor(i / SERIES));
  const modalityOf = Uint8Array.from(series, (i) => (i % SERIES < 7 ? MODALITY.metric : MODALITY.trace));
  const surprise = new Float32Array(n);
  const seen = new Map<string, Incident>();
  const versions: Incident[] = [];
  const decisions: DecisionRecord[] = [];
  let at = START;

  function evidence(i: number, s: number): Evidence {
    const service = SHOP[serviceOf[i] ?? 0] ?? '';
    const slow = s > 4.5;
    const facts: Evidence = {
      series: `s${i}`,
      service,
      modality: i % SERIES < 7 ? 'metric' : 'trace',
      metric: i % SERIES < 7 ? `saturation.${i % SERIES}` : 'http.server.request.duration.p99',
      unit: i % SERIES < 7 ? '1' : 'ms',
      labels: i % SERIES < 7 ? {} : { operation: `POST /${service}/${i % SERIES}` },
      instance: '',
      kind: i % SERIES < 7 ? 'level-shift' : 'latency',
      at,
      onset: at - tickMs,
      p: 10 ** -s,
      value: slow ? 1900 : 140,
      expected: 100,
      lower: 80,
      upper: 120,
      contributions: [{ name: 'ewma', share: 1 }],
      text: '',
    };
    return { ...facts, text: evidenceText(facts) };
  }

  function tick(): void {
    at += tickMs;
    const common = SHOP.map(() => rng.normal());
    const shift = new Map<string, number>();
    for (const fault of faults) {
      if (at - START <= fault.from || at - START > fault.to + tickMs) continue;
      for (const [service, depth] of affected(fault)) {
        if (at - START > fault.from + depth * tickMs) shift.set(service, Math.max(shift.get(service) ?? 0, 9 - depth));
      }
    }
    for (let i = 0; i < n; i += 1) {
      const service = serviceOf[i] ?? 0;
      const z = Math.sqrt(correlation) * (common[service] ?? 0) + Math.sqrt(1 - correlation) * rng.normal();
      const moved = i % SERIES >= 7 || i % SERIES === 0 ? (shift.get(SHOP[service] ?? '') ?? 0) : 0;
      surprise[i] = Math.min(6, -Math.log10(upperTail(z + moved)));
    }
    fusion.observe(series, surprise, n, serviceOf, modalityOf);
    const ticks: ServiceTick[] = fusion.close(at, evidence);
    const now = at - START;
    for (const fault of faults) {
      if (fault.deploy === true && now >= fault.from - 2 * MINUTE && now < fault.from - 2 * MINUTE + tickMs) {
        deploys = [...deploys, { service: fault.service, from: '1.4.1', to: '1.4.2', at }];
      }
    }
    const slow = (service: string): number =>
      10 +
      rng.next() +
      faults.reduce((ms, f) => ms + (f.service === service && now > f.from && now <= f.to ? f.addedMs : 0), 0);
    const memo = new Map<string, number>();
    const total = (service: string): number => {
      let ms = memo.get(service);
      if (ms === undefined) {
        ms = slow(service) + CALLS.reduce((sum, [a, b]) => sum + (a === service ? total(b) + 1 : 0), 0);
        memo.set(service, ms);
      }
      return ms;
    };
    const edges: EdgeTick[] = CALLS.map(([caller, callee]) => ({
      caller,
      callee,
      calls: 50,
      errors: 0,
      serverMs: total(callee),
      gapMs: 1,
      gapSurprise: 0,
      serverSurprise: 0,
      errorSurprise: 0,
    }));
    diagnosis.edges(at, edges);
    const decided = decide.step(at, ticks);
    decisions.push(...decided.decisions);
    if (decided.anomalies.length === 0) return;
    const grouped = incidents.apply({ at, anomalies: decided.anomalies, edges, deploys });
    decisions.push(...grouped.decisions);
    for (const incident of grouped.incidents) {
      seen.set(incident.id, incident);
      versions.push(incident);
    }
  }

  return {
    run(ms: number) {
      const end = at + ms;
      while (at < end) tick();
      return [...seen.values()];
    },
    versions,
    decisions,
    decide,
    incidents,
    diagnosis,
    fusion,
  };
}

const sum = (shares: readonly number[]) => shares.reduce((a, b) => a + b, 0);

const PAYMENTS: Fault = { service: 'payments', from: HOUR, to: HOUR + 3 * MINUTE, addedMs: 800, deploy: true };
const INVENTORY: Fault = { service: 'inventory', from: HOUR + 12 * MINUTE, to: HOUR + 15 * MINUTE, addedMs: 300 };

describe.each([
  ['10 s', 10_000],
  ['60 s', 60_000],
])('a day in the shop, data every %s', (_, tickMs) => {
  it('makes one incident per fault with the cause first, and closes it', () => {
    const shop = world(tickMs, [PAYMENTS, INVENTORY], 1);
    const found = shop.run(2 * HOUR);
    expect(found.map((i) => i.causes[0]?.service)).toEqual(['payments', 'inventory']);
    const [first, second] = found as [Incident, Incident];
    expect(first.services).toEqual(expect.arrayContaining(['payments', 'checkout', 'frontend']));
    expect(second.services).toContain('inventory');
    expect(second.services).not.toContain('payments');
    for (const [incident, fault] of [
      [first, PAYMENTS],
      [second, INVENTORY],
    ] as const) {
      expect(incident.openedAt - START - fault.from).toBeLessThanOrEqual(2 * tickMs);
      expect(incident.status).toBe('closed');
      expect((incident.closedAt ?? 0) - START - fault.to).toBeLessThanOrEqual(7 * MINUTE);
      expect(incident.reopenedCount).toBe(0);
    }
    expect(first.causes[0]?.reasons.map((r) => r.kind)).toEqual(expect.arrayContaining(['self-time', 'deploy']));
    expect(first.title).toContain('payments is slow');
    expect(first.summary).toMatch(/^payments is slow since .*its own time rose from 1\d ms to 8\d\d ms/);
    expect(first.summary).toContain('1.4.2 was deployed 2 min before');
  });

  it('keeps every share honest, in every version', () => {
    const shop = world(tickMs, [PAYMENTS, INVENTORY], 2);
    shop.run(2 * HOUR);
    expect(shop.versions.length).toBeGreaterThan(4);
    for (const v of shop.versions) {
      expect(sum(v.contributions.map((c) => c.share))).toBeCloseTo(1, 9);
      expect(sum(v.causes.map((c) => c.share))).toBeCloseTo(1, 9);
      for (const cause of v.causes) expect(sum(cause.reasons.map((r) => r.weight))).toBeCloseTo(1, 9);
      for (const anomaly of v.anomalies) expect(sum(anomaly.contributions.map((c) => c.share))).toBeCloseTo(1, 9);
    }
    const ids = shop.decisions.map((d) => d.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is the same story when played twice', () => {
    const play = () => {
      const shop = world(tickMs, [PAYMENTS, INVENTORY], 3);
      return JSON.stringify([shop.run(2 * HOUR), shop.decisions]);
    };
    expect(play()).toBe(play());
  });

  it('opens a new incident for the same fault after a calm, and at most one more while it flaps', () => {
    const again = (minute: number): Fault => ({
      service: 'payments',
      from: HOUR + minute * MINUTE,
      to: HOUR + (minute + 3) * MINUTE,
      addedMs: 800,
    });
    const twice = world(tickMs, [again(0), again(14)], 4).run(2 * HOUR);
    expect(twice.map((i) => i.causes[0]?.service)).toEqual(['payments', 'payments']);
    const flapping = world(tickMs, [0, 12, 24, 36, 48].map(again), 5).run(2.5 * HOUR);
    expect(flapping.length).toBeLessThanOrEqual(3);
    expect(sum(flapping.map((i) => 1 + i.reopenedCount))).toBeGreaterThanOrEqual(4);
  });
});

it('stays within the page budget over seven quiet days of correlated noise', () => {
  const shop = world(60_000, [], 11, 0.5);
  const found = shop.run(7 * 24 * HOUR);
  // Half a false incident per service and week: six for twelve services.
  expect(found.length).toBeLessThanOrEqual(6);
  expect(shop.decide.counts()['false-discovery suppressed']).toBeGreaterThan(10);
});

it('goes on from a saved state as if nothing had happened', () => {
  const a = world(60_000, [PAYMENTS, INVENTORY], 6);
  a.run(HOUR + 2 * MINUTE);
  const copy = <T>(state: T): T => JSON.parse(JSON.stringify(state)) as T;
  a.decide.restore(copy(a.decide.save()));
  a.diagnosis.restore(copy(a.diagnosis.save()));
  a.incidents.restore(copy(a.incidents.save()));
  a.fusion.restore(a.fusion.save());
  const b = world(60_000, [PAYMENTS, INVENTORY], 6);
  expect(JSON.stringify(a.run(58 * MINUTE))).toBe(JSON.stringify(b.run(2 * HOUR)));
});
