import { expect, it } from 'vitest';
import { TRIAGE_COLUMNS, TRIAGE_FEATURES_VERSION } from '../../learn/triage/features.ts';
import type { TriageData } from '../../learn/triage/triage.ts';
import { sampleIncident } from '../../store/contract.ts';
import { createNotices } from './notices.ts';
import { createTriageStage } from './triage-stage.ts';

const stamp = { modelVersion: 'm', configHash: 'c' };
const route = { receiver: 'r', receivers: ['r'], group_wait: 0 } as never;
/** A model that gives every incident the same probability. */
const constant = (logOdds: number, active: boolean): TriageData => ({
  version: 1,
  features: TRIAGE_FEATURES_VERSION,
  kind: 'logistic',
  model: {
    kind: 'logistic',
    standard: { mean: new Array(TRIAGE_COLUMNS).fill(0), scale: new Array(TRIAGE_COLUMNS).fill(1) },
    weights: new Array(TRIAGE_COLUMNS).fill(0),
    bias: 2 * logOdds,
  },
  unsupervised: { kind: 'platt', slope: 0, bias: 0 },
  calibration: { kind: 'platt', slope: 1, bias: 0 },
  limit: 0.5,
  active,
  report: null,
});
const incident = sampleIncident('a', 10_000);

it('holds back what nobody was told of, on the record once, until it passes', () => {
  const stage = createTriageStage(stamp);
  const notices = createNotices(route, ['r'], 'http://x', stamp, { triage: (one, at) => stage.holds(one, at) });
  stage.setModel(constant(-3, true));
  const [shown] = stage.shown([incident]);
  expect(shown!.confidence).toBeCloseTo(0.047, 2);
  const held = notices.review([shown!], [shown!], [], 10_000);
  expect(held.outbox).toEqual([]);
  expect(held.decisions).toMatchObject([{ stage: 'triage', outcome: 'suppressed', subject: 'a', limit: 0.5 }]);
  expect(notices.review([], [shown!], [], 20_000).decisions).toEqual([]);
  stage.setModel(constant(3, true));
  const told = notices.review([], [incident], [], 30_000);
  expect(told.decisions.every(({ outcome }) => outcome === 'passed')).toBe(true);
  // Told once, it is never held back again.
  stage.setModel(constant(-3, true));
  const worse = { ...incident, severity: 'critical' as const, version: 2 };
  expect(notices.review([worse], [worse], [], 40_000).decisions.some((d) => d.stage === 'triage')).toBe(false);
});

it('while it abstains holds nothing back and leaves the confidence alone', () => {
  const stage = createTriageStage(stamp);
  for (const model of [null, constant(-3, false)]) {
    stage.setModel(model);
    expect(stage.holds(incident, 1)).toBeNull();
    expect(stage.shown([incident])[0]).toBe(incident);
  }
  expect(() => stage.setModel({ ...constant(0, true), features: 99 })).toThrow(/other features/);
});

it('takes an example of an incident when it opens and never again, also across a restart', () => {
  const stage = createTriageStage(stamp);
  stage.see([incident], [incident]);
  stage.see([{ ...incident, version: 2, services: ['checkout', 'payments', 'cart'] }], [incident]);
  const [example, ...others] = stage.takeExamples();
  expect(others).toEqual([]);
  expect(example).toMatchObject({ incident: 'a', openedAt: 10_000, features: TRIAGE_FEATURES_VERSION });
  expect(example!.values).toHaveLength(TRIAGE_COLUMNS);
  const after = createTriageStage(stamp);
  after.restore(JSON.parse(JSON.stringify(stage.save())));
  after.see([incident], [incident]);
  expect(after.takeExamples()).toEqual([]);
});
