import { describe, expect, it } from 'vitest';
import type { Anomaly, Evidence } from '../../domain/anomaly.ts';
import type { Cause, Incident } from '../../domain/incident.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import { MINUTE, SECOND } from '../../domain/units.ts';
import { boundedTimeline, contributionsOf, evidenceOf, trimmed } from './build.ts';
import { createIncidents, type GroupResult, type Incidents } from './group.ts';
import { callGraph, carries, distance } from './relate.ts';

const T0 = Date.UTC(2026, 0, 1);
const EDGES = [
  { caller: 'front', callee: 'shop' },
  { caller: 'front', callee: 'blog' },
  { caller: 'shop', callee: 'pay' },
  { caller: 'pay', callee: 'bank' },
  { caller: 'blog', callee: 'posts' },
  { caller: 'island', callee: 'rock' },
];

function evidence(service: string, metric = 'latency', over: Partial<Evidence> = {}): Evidence {
  return {
    series: `${service}-${metric}`,
    service,
    modality: 'metric',
    metric,
    unit: 'ms',
    labels: {},
    instance: '',
    kind: 'latency',
    at: T0,
    onset: T0,
    p: 1e-5,
    value: 10,
    expected: 1,
    lower: 0,
    upper: 2,
    contributions: [],
    text: '',
    ...over,
  };
}

function anomaly(service: string, seconds: number, over: Partial<Anomaly> = {}): Anomaly {
  const at = T0 + seconds * SECOND;
  return {
    id: `${service}@${seconds}`,
    tenant: 'default',
    service,
    class: 'collective',
    kind: 'latency',
    openedAt: at,
    onset: at,
    updatedAt: at,
    closedAt: null,
    p: 1e-5,
    score: 0.8,
    confidence: 0.7,
    evidence: [evidence(service)],
    contributions: [],
    text: `${service} is slow`,
    ...over,
  };
}

const blame = (anomalies: readonly Anomaly[]): Cause[] => {
  const service = anomalies.at(-1)?.service ?? '';
  return [{ service, share: 1, onset: T0, reasons: [{ kind: 'metric-change', text: 'x', weight: 1 }] }];
};
const create = () =>
  createIncidents({
    diagnose: (s) => blame(s.anomalies),
    narrate: (s) => ({ title: s.services.join('+'), summary: 's' }),
  });

function step(
  incidents: Incidents,
  seconds: number,
  anomalies: readonly Anomaly[],
  deploys: readonly DeployMarker[] = [],
): GroupResult {
  return incidents.apply({ at: T0 + seconds * SECOND, anomalies, edges: EDGES, deploys });
}
const closed = (a: Anomaly, seconds: number): Anomaly => ({
  ...a,
  closedAt: T0 + seconds * SECOND,
  updatedAt: T0 + seconds * SECOND,
});
const count = (i: Incidents) => i.list().length;

describe('relations', () => {
  const graph = callGraph(EDGES);
  it('measures calls in either direction, up to two', () => {
    expect(distance(graph, 'pay', 'pay')).toBe(0);
    expect(distance(graph, 'pay', 'shop')).toBe(1);
    expect(distance(graph, 'front', 'pay')).toBe(2);
    expect(distance(graph, 'shop', 'blog')).toBe(2);
    expect(distance(graph, 'front', 'bank')).toBe(Number.POSITIVE_INFINITY);
  });

  it('does not let a healthy common caller connect two services', () => {
    expect(carries(graph, 'shop', 'blog', new Set())).toBe(false);
    expect(carries(graph, 'shop', 'blog', new Set(['front']))).toBe(true);
    expect(carries(graph, 'front', 'pay', new Set())).toBe(true);
  });
});

describe('grouping', () => {
  it('joins what calls each other within five minutes, in place', () => {
    const g = create();
    const first = step(g, 0, [anomaly('pay', 0)]).incidents[0] as Incident;
    const second = step(g, 200, [anomaly('shop', 200)]).incidents[0] as Incident;
    expect(second.id).toBe(first.id);
    expect([first.version, second.version]).toEqual([1, 2]);
    expect(second.services).toEqual(['pay', 'shop']);
    expect(second.timeline.map((t) => t.kind)).toEqual(['onset', 'opened', 'service-joined', 'cause-changed']);
  });

  it('makes one incident of a cascade that arrives in one step in any order', () => {
    const list = ['front', 'pay', 'shop', 'bank'].map((s, i) => anomaly(s, 60 + i));
    const a = create();
    step(a, 70, list);
    const b = create();
    step(b, 70, list.toReversed());
    expect(count(a)).toBe(1);
    expect(a.save()).toEqual(b.save());
  });

  it('opens a second incident for another region, minutes later', () => {
    const g = create();
    step(g, 0, [anomaly('pay', 0)]);
    step(g, 180, [anomaly('posts', 180)]);
    step(g, 250, [anomaly('rock', 250)]);
    expect(count(g)).toBe(3);
  });

  it('does not stretch a story: a neighbour ten minutes later is a new incident', () => {
    const g = create();
    step(g, 0, [anomaly('pay', 0)]);
    step(g, 600, [anomaly('bank', 600)]);
    expect(count(g)).toBe(2);
  });

  it('lets a late victim in while the culprit is still anomalous', () => {
    const g = create();
    const pay = anomaly('pay', 0);
    step(g, 0, [pay]);
    step(g, 590, [{ ...pay, updatedAt: T0 + 590 * SECOND }]);
    step(g, 600, [anomaly('shop', 600)]);
    expect(count(g)).toBe(1);
  });

  it.each<[string, Partial<Anomaly>, Partial<Anomaly>, DeployMarker[]]>([
    [
      'a host',
      { evidence: [evidence('pay', 'cpu', { labels: { 'host.name': 'h1' } })] },
      { evidence: [evidence('posts', 'cpu', { labels: { 'host.name': 'h1' } })] },
      [],
    ],
    [
      'a log line',
      { evidence: [evidence('pay', 'log', { modality: 'log', subject: 'disk full <*>' })] },
      { evidence: [evidence('posts', 'log', { modality: 'log', subject: 'disk full <*>' })] },
      [],
    ],
    [
      'a rollout',
      {},
      {},
      [
        { service: 'pay', from: '1', to: '2', at: T0 - MINUTE },
        { service: 'posts', from: '1', to: '2', at: T0 },
      ],
    ],
  ])('connects through %s', (_, a, b, deploys) => {
    const g = create();
    step(g, 0, [anomaly('pay', 0, a)], deploys);
    step(g, 200, [anomaly('posts', 200, b)], deploys);
    expect(count(g)).toBe(1);
    const apart = create();
    step(apart, 0, [anomaly('pay', 0)]);
    step(apart, 200, [anomaly('posts', 200)]);
    expect(count(apart)).toBe(2);
  });

  it('keeps tenants apart', () => {
    const g = create();
    step(g, 0, [anomaly('pay', 0), anomaly('pay', 0, { id: 'other', tenant: 'other' })]);
    expect(count(g)).toBe(2);
  });

  it('closes once all have recovered, and reopens at once but not after a calm', () => {
    const g = create();
    const pay = anomaly('pay', 0);
    const shop = anomaly('shop', 10);
    step(g, 10, [pay, shop]);
    expect(step(g, 400, [closed(pay, 400)]).incidents[0]?.status).toBe('open');
    const end = step(g, 420, [closed(shop, 420)]).incidents[0] as Incident;
    expect(end).toMatchObject({ status: 'closed', closedAt: T0 + 420 * SECOND });
    expect(end.timeline.map((t) => t.kind).slice(-3)).toEqual(['recovered', 'recovered', 'closed']);
    const back = step(g, 470, [anomaly('pay', 470)]).incidents[0] as Incident;
    expect(back).toMatchObject({ id: end.id, status: 'open', closedAt: null, reopenedCount: 1 });
    step(g, 480, [closed(anomaly('pay', 470), 480)]);
    expect(step(g, 700, [anomaly('pay', 700)]).incidents[0]?.id).not.toBe(end.id);
  });

  it('reopens instead of opening the same trouble again and again', () => {
    const g = create();
    const ids = new Set<string>();
    for (let i = 0; i < 5; i += 1) {
      const a = anomaly('pay', i * 600);
      ids.add(step(g, i * 600, [a]).incidents[0]?.id ?? '');
      step(g, i * 600 + 300, [closed(a, i * 600 + 300)]);
    }
    expect(ids.size).toBe(2);
    expect(g.list().reduce((sum, i) => sum + i.reopenedCount, 0)).toBe(3);
  });

  it('does not swallow a new fault that also hits a service of the old story', () => {
    const g = create();
    const pay = anomaly('pay', 0);
    const front = anomaly('front', 10);
    step(g, 10, [pay, front]);
    step(g, 560, [closed(front, 560)]);
    const found = step(g, 600, [anomaly('front', 600), anomaly('blog', 600)]).incidents;
    expect(found.map((i) => i.services)).toEqual([['blog', 'front']]);
  });

  it('raises severity with spread and confidence, never lowers it', () => {
    const g = create();
    const pay = anomaly('pay', 0, { confidence: 0.3 });
    expect(step(g, 0, [pay]).incidents[0]?.severity).toBe('info');
    const front = anomaly('front', 20, { confidence: 0.95 });
    const worse = step(g, 20, [anomaly('shop', 20), front]).incidents[0] as Incident;
    expect(worse.severity).toBe('critical');
    expect(step(g, 60, [{ ...front, confidence: 0.1 }]).incidents[0]?.severity).toBe('critical');
  });

  it('carries what people do to it', () => {
    const g = create();
    const { id } = step(g, 0, [anomaly('pay', 0)]).incidents[0] as Incident;
    const world = { at: T0 + 5, edges: [], deploys: [] };
    g.act({ kind: 'acknowledge', id, by: 'ann', at: T0 + 5 }, world);
    expect(g.get(id)).toMatchObject({ acknowledgedBy: 'ann', acknowledgedAt: T0 + 5 });
    const verdict = {
      id: 'v',
      subject: 'incident' as const,
      subjectId: id,
      kind: 'real' as const,
      comment: '',
      by: 'ann',
      at: T0 + 6,
    };
    expect(g.verdict(id, verdict)?.verdict?.kind).toBe('real');
    expect(() => g.act({ kind: 'acknowledge', id: 'none', by: 'ann', at: 0 }, world)).toThrow('there is no incident');
    expect(step(g, 60, [anomaly('shop', 60)]).incidents[0]).toMatchObject({ acknowledgedBy: 'ann', version: 3 });
  });

  it('restores from JSON and goes on the same', () => {
    const a = create();
    const pay = anomaly('pay', 0);
    step(a, 0, [pay]);
    const b = create();
    b.restore(JSON.parse(JSON.stringify(a.save())));
    for (const g of [a, b]) step(g, 60, [anomaly('shop', 60), closed(pay, 60)]);
    expect(b.save()).toEqual(a.save());
    expect(count(b)).toBe(1);
  });

  it('forgets closed incidents after twice the reopen window', () => {
    const g = create();
    const pay = anomaly('pay', 0);
    step(g, 0, [pay]);
    step(g, 60, [closed(pay, 60)]);
    step(g, 60 + 61 * 60, []);
    expect(count(g)).toBe(0);
  });
});

it('keeps everything bounded in a storm', () => {
  const storm = Array.from({ length: 300 }, (_, i) =>
    anomaly(`s${i}`, 0, { evidence: Array.from({ length: 16 }, (_, k) => evidence(`s${i}`, `m${k}`)) }),
  );
  expect(evidenceOf(storm)).toHaveLength(64);
  // All services stay, each with its strongest evidence.
  expect(trimmed(storm)).toHaveLength(300);
  expect(trimmed(storm).reduce((sum, a) => sum + a.evidence.length, 0)).toBe(300);
  const long = Array.from({ length: 500 }, (_, i) => ({ at: i, kind: 'recovered' as const, text: String(i) }));
  const kept = boundedTimeline(long);
  expect(kept).toHaveLength(100);
  expect([kept[0]?.at, kept.at(-1)?.at]).toEqual([0, 499]);
});

describe('what people read', () => {
  it('has one line for a measure of all pods, operations and percentiles, five at most and the rest', () => {
    const of = (name: string, metric: string) => evidence('shop', metric, { name });
    const two = [of('p99 of Buy', 'a.p99'), of('mean time of Sell', 'a.mean'), of('CPU', 'cpu'), of('CPU', 'cpu2')];
    const shares = contributionsOf(two, []);
    expect(shares.map(({ name }) => name)).toEqual(['shop: CPU', 'shop: response time']);
    expect(shares.map(({ share }) => share)).toEqual([0.5, 0.5]);
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => of(name, name));
    const named = contributionsOf(many, []);
    expect(named.map(({ name }) => name)).toEqual([...['a', 'b', 'c', 'd', 'e'].map((n) => `shop: ${n}`), 'others']);
    expect(named.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  });

  it('has the head of each anomaly in the timeline, not its figures', () => {
    const incidents = create();
    const text = 'shop is slow since 00:00 UTC: p99 of Buy 2 s, usually 80 to 120 ms; CPU 3 cores';
    const first = anomaly('shop', 0, { text });
    const { incidents: made } = incidents.apply({ at: T0, anomalies: [first], edges: EDGES, deploys: [] });
    expect(made[0]?.timeline.find(({ kind }) => kind === 'opened')?.text).toBe('shop is slow since 00:00 UTC');
  });
});
