import { describe, expect, it } from 'vitest';
import { parseMatchers } from '../domain/alerting/matcher.ts';
import { silenceStatus } from '../domain/alerting/suppression.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import type { Incident, ReasonKind } from '../domain/incident.ts';
import { DAY, HOUR, MINUTE } from '../domain/units.ts';
import { createPageBudget, DEFAULT_BUDGET } from './budget/budget.ts';
import { createInhibit } from './inhibit/inhibit.ts';
import { createMaintenance } from './maintenance/maintenance.ts';
import { createRouter, incidentLabels } from './route/route.ts';
import { createSilences } from './silence/silence.ts';

const T0 = Date.UTC(2026, 0, 1);

function incident(services: readonly string[], over: Partial<Incident> = {}): Incident {
  const anomalies = services.map(
    (service): Anomaly => ({
      id: service,
      tenant: 'default',
      service,
      class: 'point',
      kind: 'spike',
      openedAt: T0,
      onset: T0,
      updatedAt: T0,
      closedAt: null,
      p: 1e-6,
      score: 1,
      confidence: 0.9,
      evidence: [],
      contributions: [],
      text: '',
    }),
  );
  return {
    id: services.join('-'),
    tenant: 'default',
    version: 1,
    status: 'open',
    severity: 'warning',
    confidence: 0.7,
    score: 1,
    title: '',
    summary: '',
    onset: T0,
    openedAt: T0,
    updatedAt: T0,
    closedAt: null,
    reopenedCount: 0,
    services,
    anomalies,
    causes: [cause(services[0] ?? '', 'metric-change')],
    evidence: [],
    contributions: [],
    deploys: [],
    traceIds: [],
    timeline: [],
    acknowledgedBy: null,
    acknowledgedAt: null,
    verdict: null,
    ...over,
  };
}
const cause = (service: string, kind: ReasonKind) => ({
  service,
  share: 1,
  onset: T0,
  reasons: [{ kind, text: '', weight: 1 }],
});
const labels = incidentLabels;

describe('silences', () => {
  const basic = {
    matchers: parseMatchers('service=~"pay.*"'),
    startsAt: T0,
    endsAt: T0 + HOUR,
    createdBy: 'ann',
    comment: 'load test',
  };

  it('stops what it covers, only while it is active, and says who and why', () => {
    const s = createSilences();
    const { id } = s.put(basic, T0);
    const i = incident(['payments']);
    const stopped = s.check(i, labels(i), T0 + MINUTE);
    expect(stopped).toMatchObject({ passed: false, silencedBy: [id] });
    expect(stopped.record).toMatchObject({
      stage: 'silence',
      outcome: 'suppressed',
      reason: `silence ${id} by ann: load test`,
    });
    expect(s.check(i, labels(i), T0 + HOUR).passed).toBe(true);
    expect(s.check(i, labels(i), T0 - 1).passed).toBe(true);
    const other = incident(['shop']);
    expect(s.check(other, labels(other), T0 + MINUTE).passed).toBe(true);
  });

  it('can be expired, replaced, pruned, saved and restored', () => {
    const s = createSilences();
    const made = s.put(basic, T0);
    const t = createSilences();
    t.restore(JSON.parse(JSON.stringify(s.save())));
    expect(t.list()).toEqual([made]);
    expect(silenceStatus(t.expire(made.id, T0 + MINUTE), T0 + MINUTE)).toBe('expired');
    expect(() => t.expire('none', T0)).toThrow(/no silence/);
    expect(t.put({ ...basic, id: made.id, comment: 'longer' }, T0).id).toBe(made.id);
    expect(t.list()).toHaveLength(1);
    t.prune(T0 + DAY);
    expect(t.list()).toEqual([]);
  });

  it.each([
    ['no matcher', { matchers: [] }],
    ['a matcher that takes everything', { matchers: parseMatchers('service=~".*"') }],
    ['an end before its start', { endsAt: T0 - 1 }],
    ['no author', { createdBy: ' ' }],
    ['a bad expression', { matchers: [{ name: 'a', value: '(', isRegex: true, isEqual: true }] }],
  ])('refuses %s', (_, over) => expect(() => createSilences().put({ ...basic, ...over }, T0)).toThrow());
});

it('maintenance stops what is covered while a span lasts, all services when it names none', () => {
  const m = createMaintenance();
  const span = { startsAt: T0, endsAt: T0 + HOUR };
  m.set([{ id: 'm', name: 'db upgrade', matchers: parseMatchers('service="db"'), spans: [span], createdBy: 'ann' }]);
  const db = incident(['db']);
  const shop = incident(['shop']);
  expect(m.check(db, labels(db), T0).record?.reason).toBe('maintenance "db upgrade"');
  expect(m.check(db, labels(db), T0 + HOUR).passed).toBe(true);
  expect(m.check(shop, labels(shop), T0).passed).toBe(true);
  expect(() =>
    m.set([{ id: 'x', name: 'x', matchers: [], spans: [{ startsAt: 2, endsAt: 1 }], createdBy: '' }]),
  ).toThrow(/end after/);
  expect(m.list()).toHaveLength(1);
  m.set([{ id: 'all', name: 'move', matchers: [], spans: [span], createdBy: '' }]);
  expect(m.check(shop, labels(shop), T0).passed).toBe(false);
});

describe('inhibition', () => {
  const edges = [{ caller: 'shop', callee: 'pay' }];
  const source = incident(['pay']);
  const ask = (target: Incident, rules = createInhibit()) =>
    rules({ incident: target, incidents: [source, target], labelsOf: labels, edges, now: T0 });

  it('mutes an effect of an open cause, not a service with trouble of its own', () => {
    expect(ask(incident(['shop'])).inhibitedBy).toBe('pay');
    expect(ask(incident(['shop'], { causes: [cause('pay', 'self-time')] })).inhibitedBy).toBe('pay');
    expect(ask(incident(['shop'], { causes: [cause('shop', 'self-time')] })).passed).toBe(true);
    expect(ask(incident(['blog'])).passed).toBe(true);
    expect(ask(incident(['shop'], { onset: T0 - 10 * MINUTE })).passed).toBe(true);
  });

  it('never mutes itself and not through closed incidents', () => {
    expect(ask(source).passed).toBe(true);
    const target = incident(['shop']);
    const gone = { ...source, status: 'closed' as const };
    expect(
      createInhibit()({ incident: target, incidents: [gone, target], labelsOf: labels, edges, now: T0 }).passed,
    ).toBe(true);
  });

  it('follows label rules', () => {
    const rule = createInhibit([
      {
        source_matchers: parseMatchers('severity="critical"'),
        target_matchers: parseMatchers('severity="info"'),
        equal: ['tenant'],
      },
    ]);
    const critical = incident(['x'], { severity: 'critical' });
    const info = incident(['y'], { severity: 'info' });
    const run = (target: Incident) =>
      rule({ incident: target, incidents: [critical, info], labelsOf: labels, edges: [], now: T0 });
    expect(run(info)).toMatchObject({ passed: false, inhibitedBy: 'x' });
    expect(run(critical).passed).toBe(true);
    const foreign = incident(['z'], { severity: 'info', tenant: 'other' });
    expect(run(foreign).passed).toBe(true);
  });
});

it('the page budget holds back what exceeds it, lets critical through, and tells it in the digest', () => {
  const options = { ...DEFAULT_BUDGET, pagesPerWeek: 2, nextDigest: (after: number) => after + DAY };
  const b = createPageBudget(options);
  const page = (n: number, severity: Incident['severity'], at: number) => {
    const i = incident(['pay'], { id: `i${n}`, severity });
    return b.check(i, labels(i), at);
  };
  expect([page(1, 'warning', T0).passed, page(2, 'warning', T0).passed]).toEqual([true, true]);
  expect(page(3, 'warning', T0 + 1).record).toMatchObject({ outcome: 'suppressed', value: 2, limit: 2 });
  expect(page(4, 'critical', T0 + 2).passed).toBe(true);
  expect(b.left('pay', T0 + 2)).toBe(0);
  expect(b.held().map((h) => h.incident)).toEqual(['i3']);
  expect(b.burn(T0 + 2)).toMatchObject([{ team: 'pay', allowed: 2, used: 3, left: 0, spentAt: T0 + 2, held: 1 }]);
  // The first look at the clock sets the schedule.
  expect(b.digest(T0 + 2)).toEqual([]);
  expect(b.digest(T0 + HOUR)).toEqual([]);
  const copy = createPageBudget(options);
  copy.restore(JSON.parse(JSON.stringify(b.save())));
  for (const x of [b, copy]) expect(x.digest(T0 + 2 + DAY).map((h) => h.incident)).toEqual(['i3']);
  expect(b.held()).toEqual([]);
  expect(page(5, 'warning', T0 + 8 * DAY).passed).toBe(true);
});

describe('routing', () => {
  const route = createRouter(
    {
      receivers: ['default'],
      min_confidence: 0.5,
      repeat_interval: 2 * HOUR,
      routes: [
        { receivers: ['audit'], matchers: parseMatchers('tenant="default"'), continue: true, min_confidence: 0 },
        {
          receivers: ['pay-team'],
          matchers: parseMatchers('service="pay"'),
          routes: [{ receivers: ['pager'], matchers: parseMatchers('severity="critical"') }],
        },
      ],
    },
    ['default', 'audit', 'pay-team', 'pager'],
  );
  const to = (i: Incident) => route(i, labels(i), T0).matches.map((m) => m.receiver);

  it('takes the deepest first match, and goes on where told', () => {
    expect(to(incident(['pay']))).toEqual(['audit', 'pay-team']);
    expect(to(incident(['pay'], { severity: 'critical' }))).toEqual(['audit', 'pager']);
    expect(to(incident(['shop'], { tenant: 'other' }))).toEqual(['default']);
    const pay = incident(['pay']);
    expect(route(pay, labels(pay), T0).matches[1]?.repeatInterval).toBe(2 * HOUR);
  });

  it('stops what nobody is sure enough of, and says so', () => {
    const unsure = incident(['shop'], { tenant: 'other', confidence: 0.3 });
    expect(route(unsure, labels(unsure), T0)).toMatchObject({
      passed: false,
      record: { reason: 'confidence 0.30 is below 0.5' },
    });
  });

  it('refuses unknown receivers', () =>
    expect(() => createRouter({ receivers: ['nobody'] }, [])).toThrow(/no receiver/));
});
