import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Anomaly, EdgeTick, Evidence } from '../../domain/anomaly.ts';
import { MINUTE } from '../../domain/units.ts';
import { createCallHistory } from './call-history.ts';
import { createDiagnosis } from './diagnose.ts';
import { walk } from './walk.ts';

const T0 = Date.UTC(2026, 0, 1);
const ONSET = T0 + 20 * MINUTE;

function edge(caller: string, callee: string, over: Partial<EdgeTick> = {}): EdgeTick {
  return {
    caller,
    callee,
    calls: 100,
    errors: 0,
    serverMs: 20,
    gapMs: 1,
    gapSurprise: 0,
    serverSurprise: 0,
    errorSurprise: 0,
    ...over,
  };
}

function evidence(service: string, p: number, value = 2, over: Partial<Evidence> = {}): Evidence {
  return {
    series: `${service}-cpu`,
    service,
    modality: 'metric',
    metric: 'cpu',
    unit: '1',
    labels: {},
    instance: '',
    kind: 'spike',
    at: ONSET,
    onset: ONSET,
    p,
    value,
    expected: 1,
    lower: 0.9,
    upper: 1.1,
    contributions: [],
    text: `cpu of ${service}`,
    ...over,
  };
}

function anomaly(service: string, onset: number, list: readonly Evidence[]): Anomaly {
  return {
    id: service,
    tenant: 'default',
    service,
    class: 'point',
    kind: 'spike',
    openedAt: onset,
    onset,
    updatedAt: onset,
    closedAt: null,
    p: 1e-6,
    score: 1,
    confidence: 0.9,
    evidence: list,
    contributions: [],
    text: '',
  };
}

/** web -> shop -> db; 20 quiet minutes, then `fault` from the onset on. */
function played(fault: (quiet: EdgeTick[]) => EdgeTick[]) {
  const d = createDiagnosis();
  const quiet = () => [edge('web', 'shop', { serverMs: 40 }), edge('shop', 'db')];
  for (let m = 1; m <= 20; m += 1) d.edges(T0 + m * MINUTE, quiet());
  for (let m = 21; m <= 23; m += 1) d.edges(T0 + m * MINUTE, fault(quiet()));
  return d;
}
const story = (services: readonly string[]) => ({
  at: ONSET + 3 * MINUTE,
  onset: ONSET,
  anomalies: services.map((s) => anomaly(s, ONSET, [evidence(s, 1e-6)])),
  suspects: [],
  deploys: [],
});

describe('cause ranking', () => {
  it('blames the service whose own time rose, even if it has no anomaly of its own', () => {
    const d = played(() => [edge('web', 'shop', { serverMs: 340 }), edge('shop', 'db', { serverMs: 320 })]);
    const causes = d.rank(story(['web', 'shop']));
    expect(causes[0]?.service).toBe('db');
    expect(causes[0]?.reasons[0]).toMatchObject({ kind: 'self-time', text: 'its own time rose from 20 ms to 320 ms' });
  });

  it('charges the gap between client and server span to the callee', () => {
    const d = played(() => [edge('web', 'shop', { serverMs: 340 }), edge('shop', 'db', { gapMs: 300 })]);
    const causes = d.rank(story(['web', 'shop', 'db']));
    expect(causes[0]?.service).toBe('db');
    expect(causes[0]?.reasons.map((r) => r.kind)).toContain('edge-gap');
  });

  it('blames a caller that waits longer on all its calls alike, and still sees one callee that is worse', () => {
    const fan = (gaps: readonly number[]) => [
      edge('web', 'shop', { serverMs: 60 + Math.max(...gaps) }),
      ...gaps.map((gapMs, i) => edge('shop', `b${i}`, { gapMs })),
    ];
    const run = (gaps: readonly number[]) => {
      const d = createDiagnosis();
      for (let m = 1; m <= 20; m += 1) d.edges(T0 + m * MINUTE, fan([1, 1, 1]));
      for (let m = 21; m <= 23; m += 1) d.edges(T0 + m * MINUTE, fan(gaps));
      return d.rank(story(['web', 'shop']))[0];
    };
    expect(run([90, 95, 100])?.service).toBe('shop');
    expect(run([90, 95, 100])?.reasons[0]?.text).toContain('waits longer on all its calls');
    expect(run([3, 3, 900])?.service).toBe('b2');
  });

  it('blames the service in the middle when what it calls is as fast as ever', () => {
    const d = played(([, db]) => [edge('web', 'shop', { serverMs: 340 }), db as EdgeTick]);
    expect(d.rank(story(['web', 'shop']))[0]?.service).toBe('shop');
  });

  it('does not blame those who only pass errors on', () => {
    const d = played(() => [edge('web', 'shop', { serverMs: 40, errors: 60 }), edge('shop', 'db', { errors: 60 })]);
    const causes = d.rank(story(['web', 'shop', 'db']));
    expect(causes[0]?.service).toBe('db');
    expect(causes.find((c) => c.service === 'shop')?.reasons.map((r) => r.kind)).not.toContain('errors');
  });

  it('works without traces: size of the change, onset order and deploys', () => {
    const d = createDiagnosis();
    const anomalies = [
      anomaly('a', ONSET + MINUTE, [evidence('a', 1e-5, 3)]),
      anomaly('b', ONSET, [evidence('b', 1e-6, 50)]),
    ];
    const base = { at: ONSET + MINUTE, onset: ONSET, anomalies, suspects: [], deploys: [] };
    expect(d.rank(base)[0]?.service).toBe('b');
    const even = [anomaly('a', ONSET, [evidence('a', 1e-6)]), anomaly('b', ONSET, [evidence('b', 1e-6)])];
    const deploys = [
      { service: 'b', from: '1', to: '2', at: ONSET - 2 * MINUTE },
      { service: 'a', from: '1', to: '2', at: ONSET - 300 * MINUTE },
    ];
    const causes = d.rank({ ...base, anomalies: even, deploys });
    expect(causes[0]?.service).toBe('b');
    expect(causes[0]?.reasons.find((r) => r.kind === 'deploy')?.text).toBe('2 was deployed 2 min before');
    expect(causes[1]?.reasons.some((r) => r.kind === 'deploy')).toBe(false);
  });

  it('counts suspects that never became anomalies', () => {
    const d = createDiagnosis();
    const suspects = [{ service: 'quiet', evidence: [evidence('quiet', 1e-6, 90, { onset: ONSET - MINUTE })] }];
    expect(d.rank({ ...story(['loud']), suspects }).map((c) => c.service)).toContain('quiet');
  });

  it('always shares to one and never repeats a service', () => {
    const name = fc.constantFrom('web', 'shop', 'db', 'x', 'y');
    const one = fc.record({
      service: name,
      p: fc.double({ min: 1e-6, max: 1, noNaN: true }),
      value: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), fc.double({ min: 0, max: 1e4, noNaN: true }), (list, extra) => {
        const d = played(() => [
          edge('web', 'shop', { serverMs: extra, gapMs: Number.NaN }),
          edge('shop', 'db', { serverMs: extra, errors: 100 }),
        ]);
        const anomalies = list.map((l) => anomaly(l.service, ONSET, [evidence(l.service, l.p, l.value)]));
        const causes = d.rank({ ...story([]), anomalies });
        expect(new Set(causes.map((c) => c.service)).size).toBe(causes.length);
        if (anomalies.length > 0) expect(causes.reduce((s, c) => s + c.share, 0)).toBeCloseTo(1, 9);
        for (const c of causes) expect(c.reasons.reduce((s, r) => s + r.weight, 0)).toBeCloseTo(1, 9);
      }),
      { numRuns: 50 },
    );
  });

  it('does not name a suspect that neither calls nor is called, but still one that no span has shown', () => {
    const d = createDiagnosis();
    const both = () => [edge('web', 'shop', { serverMs: 40 }), edge('backoffice', 'reports')];
    for (let m = 1; m <= 23; m += 1) d.edges(T0 + m * MINUTE, both());
    const suspects = ['reports', 'disk'].map((service) => ({ service, evidence: [evidence(service, 1e-6)] }));
    const causes = d.rank({ ...story(['web', 'shop']), suspects }).map((cause) => cause.service);
    expect(causes).toContain('disk');
    expect(causes).not.toContain('reports');
  });

  it('restores from JSON and ranks the same', () => {
    const a = played(() => [edge('web', 'shop', { serverMs: 340 / 3 }), edge('shop', 'db', { serverMs: 320 / 7 })]);
    const b = createDiagnosis();
    b.restore(JSON.parse(JSON.stringify(a.save())));
    expect(b.rank(story(['web', 'shop']))).toEqual(a.rank(story(['web', 'shop'])));
  });
});

describe('walk', () => {
  it('collects where calls end and is a distribution', () => {
    const visits = walk([[1], [2], []], [1, 1, 1], [0, 0, 0]);
    expect(visits.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
    expect(visits[2]).toBeGreaterThan(visits[1] ?? 1);
    expect(visits[1]).toBeGreaterThan(visits[0] ?? 1);
  });
});

it('forgets minutes beyond half an hour', () => {
  const h = createCallHistory();
  for (let m = 1; m <= 100; m += 1) h.add(T0 + m * MINUTE, [edge('a', 'b')]);
  expect(h.save().rows.every(([, rows]) => rows.length <= 30)).toBe(true);
  expect(h.callees('a')).toEqual(['b']);
  h.add(T0 + 3000 * MINUTE, [edge('a', 'c')]);
  expect(h.callees('a')).toEqual(['c']);
});

describe('suspects alone', () => {
  it('are ranked although no service has become an anomaly yet', () => {
    const diagnosis = createDiagnosis();
    diagnosis.edges(T0, [edge('shop', 'cart'), edge('cart', 'db')]);
    const causes = diagnosis.rank({
      at: ONSET,
      onset: ONSET,
      anomalies: [],
      suspects: [
        { service: 'cart', evidence: [evidence('cart', 1e-3)] },
        { service: 'db', evidence: [evidence('db', 1e-6, 9)] },
      ],
      deploys: [],
    });
    expect(causes[0]?.service).toBe('db');
    expect(causes.reduce((sum, cause) => sum + cause.share, 0)).toBeCloseTo(1, 9);
  });
});
