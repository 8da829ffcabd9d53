import { describe, expect, it } from 'vitest';
import type { Evidence, ServiceTick } from '../../domain/anomaly.ts';
import { defaultsOf } from '../../domain/options.ts';
import { DAY, MINUTE } from '../../domain/units.ts';
import { createBudgetController } from './budget-controller.ts';
import { createDecide } from './decide.ts';
import { decideOptions } from './decide-options.ts';
import { confidenceOf, contributionsOf, dominantKind, matters, mergeEvidence } from './weigh.ts';

const OPTIONS = defaultsOf(decideOptions);
const T0 = Date.UTC(2026, 0, 1);

function evidence(over: Partial<Evidence> = {}): Evidence {
  return {
    series: 's1',
    service: 'a',
    modality: 'metric',
    metric: 'cpu',
    unit: '1',
    labels: {},
    instance: '',
    kind: 'spike',
    at: T0,
    onset: T0,
    p: 1e-6,
    value: 10,
    expected: 1,
    lower: 0.5,
    upper: 1.5,
    contributions: [],
    text: 'cpu 10',
    ...over,
  };
}

function tick(minute: number, p: number, over: Partial<ServiceTick> = {}): ServiceTick {
  const at = T0 + minute * MINUTE;
  return {
    tenant: 'default',
    service: 'a',
    at,
    provisional: false,
    p,
    pByModality: { metric: p, log: 1, trace: 1 },
    seriesSeen: 20,
    seriesStrange: p < 1e-3 ? 1 : 0,
    evidence: p < 1e-3 ? [evidence({ at, onset: at })] : [],
    ...over,
  };
}

const create = () => createDecide((a) => `${a.service} ${a.kind}`);
const reasons = (d: { decisions: readonly { stage: string; outcome: string }[] }) =>
  d.decisions.map((x) => `${x.stage} ${x.outcome}`);

describe('decide', () => {
  it('waits for a second strange tick and says so', () => {
    const d = create();
    const first = d.step(T0, [tick(0, 1e-5)]);
    expect(first.anomalies).toEqual([]);
    expect(reasons(first)).toEqual(['false-discovery passed', 'persistence suppressed']);
    const second = d.step(T0 + MINUTE, [tick(1, 1e-5)]);
    expect(second.anomalies).toHaveLength(1);
    expect(second.anomalies[0]).toMatchObject({
      service: 'a',
      kind: 'spike',
      class: 'point',
      onset: T0,
      closedAt: null,
    });
    expect(reasons(second)).toEqual(['false-discovery passed', 'persistence passed']);
  });

  it('tolerates one quiet tick between two strange ones, not an hour', () => {
    const d = create();
    d.step(T0, [tick(0, 1e-5)]);
    d.step(T0 + MINUTE, [tick(1, 0.5)]);
    expect(d.step(T0 + 2 * MINUTE, [tick(2, 1e-5)]).anomalies).toHaveLength(1);
    const e = create();
    e.step(T0, [tick(0, 1e-5)]);
    expect(e.step(T0 + 60 * MINUTE, [tick(60, 1e-5)]).anomalies).toEqual([]);
  });

  it('opens at once when extreme in several series or two modalities, not in one series', () => {
    const p = 1e-6;
    expect(create().step(T0, [tick(0, p, { seriesStrange: 3 })]).anomalies).toHaveLength(1);
    expect(create().step(T0, [tick(0, p, { pByModality: { metric: p, log: 1e-4, trace: 1 } })]).anomalies).toHaveLength(
      1,
    );
    expect(create().step(T0, [tick(0, p)]).anomalies).toEqual([]);
  });

  it('opens early on a provisional tick and does not open again when the tick ends', () => {
    const d = create();
    const early = d.step(T0, [tick(0, 1e-6, { provisional: true, seriesStrange: 3 })]);
    expect(early.anomalies).toHaveLength(1);
    expect(d.step(T0, [tick(0, 1e-6, { seriesStrange: 3 })]).anomalies).toEqual([]);
    expect(d.open()).toHaveLength(1);
    const weak = create();
    expect(weak.step(T0, [tick(0, 1e-4, { provisional: true, seriesStrange: 3 })]).anomalies).toEqual([]);
    expect(weak.step(T0 + MINUTE, [tick(1, 1e-5)]).anomalies).toEqual([]);
  });

  it('never opens while the service is learnt', () => {
    const d = create();
    for (let m = 0; m < 5; m += 1) {
      const r = d.step(T0 + m * MINUTE, [tick(m, 1e-6, { learning: true, seriesStrange: 9 })]);
      expect(r.anomalies).toEqual([]);
      expect(reasons(r)).toEqual(['service-p suppressed']);
    }
  });

  it('relaxes the limit when many services are strange together (Benjamini-Hochberg)', () => {
    const many = (p: number) => Array.from({ length: 5 }, (_, i) => tick(0, p, { service: `s${i}` }));
    const p = 4e-4;
    expect(reasons(create().step(T0, [tick(0, p)]))).toEqual(['false-discovery suppressed']);
    expect(
      create()
        .step(T0, many(p))
        .decisions.filter((x) => x.stage === 'false-discovery')[0],
    ).toMatchObject({ outcome: 'passed' });
  });

  it('ignores small deviations and harmless directions', () => {
    const small = create().step(T0, [tick(0, 1e-6, { seriesStrange: 3, evidence: [evidence({ value: 1.1 })] })]);
    expect(small.anomalies).toEqual([]);
    expect(small.decisions[0]).toMatchObject({ stage: 'service-p', outcome: 'suppressed' });
    expect(matters(evidence({ metric: 'request.duration', value: 0.1 }), OPTIONS)).toBe(false);
    expect(matters(evidence({ metric: 'request.duration', value: 9 }), OPTIONS)).toBe(true);
    expect(matters(evidence({ metric: 'requests', value: 0.1 }), OPTIONS)).toBe(true);
    expect(matters(evidence({ kind: 'flat-line', value: 1 }), OPTIONS)).toBe(true);
    expect(matters(evidence({ expected: Number.NaN }), OPTIONS)).toBe(true);
  });

  it('closes after four quiet minutes with data, and not for want of data', () => {
    const d = create();
    d.step(T0, [tick(0, 1e-6, { seriesStrange: 3 })]);
    for (let m = 1; m < 4; m += 1) expect(d.step(T0 + m * MINUTE, [tick(m, 0.5)]).anomalies).toEqual([]);
    const closed = d.step(T0 + 4 * MINUTE, [tick(4, 0.5)]).anomalies;
    expect(closed[0]?.closedAt).toBe(T0 + 4 * MINUTE);
    const e = create();
    e.step(T0, [tick(0, 1e-6, { seriesStrange: 3 })]);
    for (let m = 1; m < 60; m += 1) expect(e.step(T0 + m * MINUTE, []).anomalies).toEqual([]);
    expect(e.step(T0 + 60 * MINUTE, []).anomalies[0]?.closedAt).toBe(T0 + 60 * MINUTE);
  });

  it('keeps the same id while it lasts and the smallest p', () => {
    const d = create();
    const a = d.step(T0, [tick(0, 4e-6, { seriesStrange: 3 })]).anomalies[0];
    const b = d.step(T0 + MINUTE, [tick(1, 1e-6)]).anomalies[0];
    const c = d.step(T0 + 2 * MINUTE, [tick(2, 1e-4)]).anomalies[0];
    expect(b?.id).toBe(a?.id);
    expect([b?.p, c?.p]).toEqual([1e-6, 1e-6]);
    expect(c?.confidence).toBeGreaterThanOrEqual(b?.confidence ?? 1);
  });

  it('becomes stricter with a service after false alarms', () => {
    const d = create();
    d.budget.verdict('default/a', true, T0);
    d.budget.verdict('default/a', true, T0);
    const r = d.step(T0, [tick(0, 5e-5)]);
    expect(reasons(r)).toEqual(['budget suppressed']);
  });

  it('restores from JSON and goes on the same', () => {
    const a = create();
    a.step(T0, [tick(0, 1e-5)]);
    const b = create();
    b.restore(JSON.parse(JSON.stringify(a.save())));
    for (let m = 1; m < 12; m += 1) {
      const p = m < 4 ? 1e-5 : 0.5;
      expect(b.step(T0 + m * MINUTE, [tick(m, p)])).toEqual(a.step(T0 + m * MINUTE, [tick(m, p)]));
    }
    expect(b.save()).toEqual(a.save());
    expect(a.open()).toEqual([]);
  });
});

describe('what the configuration says of a service', () => {
  const none = { service: () => null, evidence: () => null, grace: () => null };
  const strange = (m: number) => tick(m, 1e-6, { seriesStrange: 9 });

  it('m of n of its own: no single extreme tick opens it, and it closes by its own recovery', () => {
    const persistence = { needed: 3, window: 5, closeTicks: 2, closeAfter: 10 * MINUTE };
    const d = createDecide(() => '', undefined, undefined, { ...none, service: () => ({ persistence }) });
    const opened = [0, 1, 2, 3].map(
      (m) => d.step(T0 + m * MINUTE, [m === 1 ? tick(m, 0.5) : strange(m)]).anomalies.length,
    );
    expect(opened).toEqual([0, 0, 0, 1]);
    const closed = Array.from(
      { length: 12 },
      (_, i) => d.step(T0 + (4 + i) * MINUTE, [tick(4 + i, 0.5)]).anomalies.length,
    );
    expect(closed.indexOf(1)).toBe(9);
  });

  it('flap damping: from the second opening on it stays open until it was quiet for long, restored too', () => {
    const flapping = { times: 2, within: 60 * MINUTE, settle: 20 * MINUTE };
    const policies = { ...none, service: () => ({ flapping }) };
    const d = createDecide(() => '', undefined, undefined, policies);
    const copy = createDecide(() => '', undefined, undefined, policies);
    const run = (m: number) => d.step(T0 + m * MINUTE, [m % 10 === 0 && m <= 30 ? strange(m) : tick(m, 0.5)]);
    const openings: number[] = [];
    const closings: number[] = [];
    const reasons: string[] = [];
    for (let m = 0; m <= 60; m += 1) {
      const { anomalies, decisions } = run(m);
      for (const a of anomalies) {
        if (a.openedAt === T0 + m * MINUTE) openings.push(m);
        if (a.closedAt !== null) closings.push(m);
      }
      reasons.push(...decisions.filter((r) => r.stage === 'policy').map((r) => `${m} ${r.reason}`));
      if (m === 12) copy.restore(JSON.parse(JSON.stringify(d.save())));
    }
    expect([openings, closings]).toEqual([
      [0, 10],
      [4, 50],
    ]);
    expect(reasons).toEqual(['10 flapping: opened 2 times; stays open until it has settled']);
    expect(copy.open()).toHaveLength(1);
  });

  it('deploy grace: nothing opens, and says why; what lasts opens when it is over', () => {
    const d = createDecide(() => '', undefined, undefined, {
      ...none,
      grace: (_tenant, _service, at) => (at < T0 + 3 * MINUTE ? 'grace after 1.2' : null),
    });
    const steps = [0, 1, 2, 3].map((m) => d.step(T0 + m * MINUTE, [strange(m)]));
    expect(steps.map((s) => s.anomalies.length)).toEqual([0, 0, 0, 1]);
    expect(steps[0]?.decisions.at(-1)).toMatchObject({
      stage: 'policy',
      outcome: 'suppressed',
      reason: 'grace after 1.2',
    });
  });

  it('evidence weighed by its own rule', () => {
    const small = () => tick(0, 1e-6, { seriesStrange: 3, evidence: [evidence({ value: 1.1 })] });
    expect(create().step(T0, [small()]).anomalies).toEqual([]);
    const d = createDecide(() => '', undefined, undefined, {
      ...none,
      evidence: () => ({ minRelativeDeviation: 0.05 }),
    });
    expect(d.step(T0, [small()]).anomalies).toHaveLength(1);
  });
});

describe('weighing', () => {
  it('shares contributions to exactly one, pooling beyond eight', () => {
    const many = Array.from({ length: 20 }, (_, i) =>
      evidence({ series: `s${i}`, metric: `m${i}`, p: 10 ** -(3 + (i % 4)) }),
    );
    const shares = contributionsOf(many);
    expect(shares).toHaveLength(9);
    expect(shares.reduce((s, c) => s + c.share, 0)).toBeCloseTo(1, 12);
    expect(shares.at(-1)?.name).toBe('others');
    expect(contributionsOf([])[0]?.share).toBe(1);
  });

  it('keeps one look a series: the strongest, with the earliest onset', () => {
    const merged = mergeEvidence(
      [evidence({ p: 1e-4, onset: 5 })],
      [evidence({ p: 1e-5, onset: 9 }), evidence({ series: 's2', p: 1e-3 })],
      16,
    );
    expect(merged.map((e) => [e.series, e.p, e.onset])).toEqual([
      ['s1', 1e-5, 5],
      ['s2', 1e-3, T0],
    ]);
  });

  it('names the kind with the most weight, not the single strongest', () => {
    const kinds = [
      evidence({ kind: 'spike', p: 1e-6 }),
      evidence({ kind: 'latency', p: 1e-4 }),
      evidence({ kind: 'latency', p: 1e-4 }),
    ];
    expect(dominantKind(kinds)).toBe('latency');
  });

  it('is surer of stronger, broader, agreeing and longer findings', () => {
    const base = confidenceOf(1e-4, 1, 1, 1);
    expect(confidenceOf(1e-6, 1, 1, 1)).toBeGreaterThan(base);
    expect(confidenceOf(1e-4, 4, 1, 1)).toBeGreaterThan(base);
    expect(confidenceOf(1e-4, 1, 2, 1)).toBeGreaterThan(base);
    expect(confidenceOf(1e-4, 1, 1, 3)).toBeGreaterThan(base);
    expect(confidenceOf(1e-6, 99, 3, 99)).toBeLessThan(1);
  });

  it('forgets verdicts with a half-life of two weeks', () => {
    const c = createBudgetController();
    c.verdict('k', true, 0);
    expect(c.factor('k', 0)).toBeCloseTo(Math.exp(-0.7), 9);
    expect(c.factor('k', 14 * DAY)).toBeCloseTo(Math.exp(-0.35), 9);
    for (let i = 0; i < 50; i += 1) c.verdict('k', true, 0);
    expect(c.factor('k', 0)).toBeCloseTo(1 / 30, 9);
    const d = createBudgetController();
    d.restore(c.save());
    expect(d.factor('k', DAY)).toBe(c.factor('k', DAY));
  });
});
