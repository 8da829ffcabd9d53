import { describe, expect, test } from 'vitest';
import type { IncidentAction } from '../../domain/alerting/incident-action.ts';
import type { Anomaly, Evidence } from '../../domain/anomaly.ts';
import { MINUTE } from '../../domain/units.ts';
import { createIncidents } from './group.ts';

const T0 = Date.UTC(2026, 10, 20, 12, 0, 0);
const evidence = (service: string, series: string, p = 1e-5): Evidence => ({
  series,
  service,
  modality: 'metric',
  metric: series,
  unit: '',
  labels: {},
  instance: '',
  kind: 'spike',
  at: T0,
  onset: T0,
  p,
  value: 9,
  expected: 1,
  lower: 0,
  upper: 2,
  contributions: [],
  text: `${series} 9`,
});
const anomaly = (service: string, minute: number, over: Partial<Anomaly> = {}): Anomaly => ({
  id: `${service}@${minute}`,
  tenant: 'default',
  service,
  class: 'point',
  kind: 'spike',
  openedAt: T0 + minute * MINUTE,
  onset: T0 + minute * MINUTE,
  updatedAt: T0 + minute * MINUTE,
  closedAt: null,
  p: 1e-5,
  score: 0.8,
  confidence: 0.9,
  evidence: [evidence(service, `${service}.a`), evidence(service, `${service}.b`, 1e-4)],
  contributions: [],
  text: `${service}: strange`,
  ...over,
});

function world() {
  const incidents = createIncidents({
    diagnose: ({ anomalies }) =>
      anomalies.slice(0, 1).map((a) => ({ service: a.service, share: 1, onset: a.onset, reasons: [] })),
    narrate: ({ services }) => ({ title: services.join(' and '), summary: '' }),
  });
  const at = (minute: number) => ({ at: T0 + minute * MINUTE, edges: [], deploys: [] });
  return {
    incidents,
    step: (minute: number, ...anomalies: Anomaly[]) => incidents.apply({ ...at(minute), anomalies }).incidents,
    act: (minute: number, action: IncidentAction) => incidents.act(action, at(minute)),
  };
}
const said = { by: 'mira', at: T0 };
const gone = (a: Anomaly, minute: number): Anomaly => ({ ...a, closedAt: T0 + minute * MINUTE });

describe('merged by hand', () => {
  test('the oldest keeps its id; what happens to the others happens to it; it closes when all have ended', () => {
    const w = world();
    const [a, b] = [anomaly('pay', 0), anomaly('mail', 20)];
    const [older] = w.step(0, a);
    const [younger] = w.step(20, b);
    expect(younger!.id).not.toBe(older!.id);
    const changed = w.act(21, { ...said, kind: 'merge', id: younger!.id, others: [older!.id] });
    expect(changed.map(({ id, status, mergedInto }) => [id, status, mergedInto])).toEqual([
      [older!.id, 'open', undefined],
      [younger!.id, 'closed', older!.id],
    ]);
    expect(changed[0]!.services).toEqual(['pay', 'mail']);
    expect(w.step(22, gone(a, 22))[0]).toMatchObject({ id: older!.id, status: 'open' });
    // Saved and restored in between.
    const copy = world();
    copy.incidents.restore(JSON.parse(JSON.stringify(w.incidents.save())));
    for (const { step } of [w, copy])
      expect(step(25, gone(b, 25))).toMatchObject([{ id: older!.id, status: 'closed' }]);
    expect(() => w.act(26, { ...said, kind: 'merge', id: older!.id, others: [younger!.id] })).toThrow('already');
    expect(() => w.act(26, { ...said, kind: 'merge', id: older!.id, others: [] })).toThrow('another incident');
  });
});

describe('split by hand', () => {
  test('a service goes, with all that becomes of it', () => {
    const w = world();
    const [a, b] = [anomaly('pay', 0), anomaly('mail', 0)];
    const [one] = w.step(0, a, b);
    const [kept, fresh] = w.act(1, { ...said, kind: 'split', id: one!.id, services: ['mail'], series: [] });
    expect([kept!.id, kept!.services, fresh!.services, fresh!.status]).toEqual([one!.id, ['pay'], ['mail'], 'open']);
    expect(w.step(5, gone(b, 5))).toMatchObject([{ id: fresh!.id, status: 'closed' }]);
    expect(w.step(6, gone(a, 6))).toMatchObject([{ id: one!.id, status: 'closed' }]);
    expect(() => w.act(7, { ...said, kind: 'split', id: one!.id, services: ['pay'], series: [] })).toThrow(
      'nothing would',
    );
  });

  test('single series go, and each update is cut in two from then on, restored too', () => {
    const w = world();
    const a = anomaly('pay', 0);
    const [one] = w.step(0, a);
    const [kept, fresh] = w.act(1, { ...said, kind: 'split', id: one!.id, services: [], series: ['pay.b'] });
    const seriesOf = (incident: { evidence: readonly Evidence[] } | undefined) =>
      incident?.evidence.map((e) => e.series);
    expect([seriesOf(kept), seriesOf(fresh)]).toEqual([['pay.a'], ['pay.b']]);
    expect(fresh!.anomalies[0]!.p).toBe(1e-4);
    const copy = world();
    copy.incidents.restore(JSON.parse(JSON.stringify(w.incidents.save())));
    const more = { ...a, evidence: [...a.evidence, evidence('pay', 'pay.c')], updatedAt: T0 + 2 * MINUTE };
    for (const { step } of [w, copy]) {
      expect(step(2, more).map(seriesOf)).toEqual([['pay.a', 'pay.c'], ['pay.b']]);
      expect(step(5, gone(more, 5)).map(({ status }) => status)).toEqual(['closed', 'closed']);
    }
  });
});

describe('closed and opened by hand', () => {
  test('closed stays closed while the same trouble goes on, and opens when it ended and came back', () => {
    const w = world();
    const a = anomaly('pay', 0);
    const [one] = w.step(0, a);
    expect(w.act(1, { ...said, kind: 'close', id: one!.id, comment: 'load test' })[0]).toMatchObject({
      status: 'closed',
      closedAt: T0 + MINUTE,
    });
    expect(w.step(2, { ...a, p: 1e-6, updatedAt: T0 + 2 * MINUTE })[0]).toMatchObject({ status: 'closed' });
    w.step(3, gone(a, 3));
    const [again] = w.step(3.5, anomaly('pay', 3.5, { onset: T0 + 1.5 * MINUTE }));
    expect(again).toMatchObject({ id: one!.id, status: 'open', reopenedCount: 1 });
    expect(again!.byHand).toBeUndefined();
  });

  test('opened stays open until somebody closes it, long after it was forgotten too', () => {
    const w = world();
    const a = anomaly('pay', 0);
    const [one] = w.step(0, a);
    const [closed] = w.step(5, gone(a, 5));
    w.step(300);
    expect(w.incidents.get(one!.id)).toBeUndefined();
    w.act(300, { kind: 'adopt', incident: closed! });
    expect(w.act(300, { ...said, kind: 'reopen', id: one!.id, comment: '' })[0]).toMatchObject({
      status: 'open',
      closedAt: null,
      reopenedCount: 1,
    });
    w.step(500);
    expect(w.incidents.get(one!.id)?.status).toBe('open');
    expect(w.act(501, { ...said, kind: 'close', id: one!.id, comment: '' })[0]).toMatchObject({ status: 'closed' });
    expect(() => w.act(501, { ...said, kind: 'close', id: one!.id, comment: '' })).toThrow('closed already');
  });
});
