import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../domain/anomaly.ts';
import type { Incident } from '../../domain/incident.ts';
import { DAY, HOUR, MINUTE } from '../../domain/units.ts';
import { createRng } from '../../stats/rng.ts';
import { createPast, NO_PAST, TRIAGE_COLUMNS, TRIAGE_FEATURES, triageFeatures } from './features.ts';
import { auc } from './quality.ts';
import type { Table } from './table.ts';
import { createTriage, TRIAGE, trainTriage } from './triage.ts';

const AT = Date.UTC(2026, 0, 7, 23, 30);

function evidence(over: Partial<Evidence>): Evidence {
  return {
    series: 's',
    service: 'checkout',
    modality: 'metric',
    metric: 'cpu',
    unit: '1',
    labels: {},
    instance: 'a',
    kind: 'spike',
    at: AT,
    onset: AT - MINUTE,
    p: 1e-3,
    value: 5,
    expected: 1,
    lower: 0,
    upper: 2,
    contributions: [],
    text: '',
    ...over,
  };
}

function incident(over: Partial<Incident> = {}): Incident {
  return {
    id: 'i',
    tenant: 't',
    version: 1,
    status: 'open',
    severity: 'warning',
    confidence: 0.5,
    score: 0.5,
    title: '',
    summary: '',
    onset: AT - 3 * MINUTE,
    openedAt: AT,
    updatedAt: AT,
    closedAt: null,
    reopenedCount: 0,
    services: ['checkout'],
    anomalies: [],
    causes: [],
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

const feature = (features: Float32Array, name: string): number => features[Object.keys(TRIAGE_FEATURES).indexOf(name)]!;

describe('features', () => {
  it('say of an incident what it shows', () => {
    const features = triageFeatures(
      incident({
        evidence: [
          evidence({ p: 1e-5, kind: 'errors', instance: 'b', contributions: [{ name: 'holt', share: 0.6 }] }),
          evidence({ modality: 'log', kind: 'new-pattern', p: 1e-2, value: NaN, onset: AT - 8 * MINUTE }),
        ],
        deploys: [{ service: 'checkout', from: '1', to: '2', at: AT - HOUR }],
      }),
      NO_PAST,
    );
    expect(features).toHaveLength(TRIAGE_COLUMNS);
    expect(feature(features, 'metrics')).toBeCloseTo(5);
    expect(feature(features, 'logs')).toBeCloseTo(2);
    expect(feature(features, 'traces')).toBe(0);
    expect(feature(features, 'modalities')).toBe(2);
    expect(feature(features, 'errors')).toBe(0.5);
    expect(feature(features, 'strong')).toBe(0.5);
    expect(feature(features, 'above')).toBeCloseTo(Math.log1p(1.5));
    expect(feature(features, 'below')).toBeNaN();
    expect(feature(features, 'spread')).toBeCloseTo(Math.log1p(7));
    expect(feature(features, 'voice holt')).toBeCloseTo(3);
    expect(feature(features, 'voice ewma')).toBe(0);
    expect(feature(features, 'deploy')).toBe(1);
    expect(feature(features, 'night')).toBe(1);
  });

  it('of an empty incident are numbers or missing, never infinite', () => {
    for (const value of triageFeatures(incident(), NO_PAST)) expect(Math.abs(value)).not.toBe(Number.POSITIVE_INFINITY);
  });

  it('know the past of the service, and only the past', () => {
    const past = createPast();
    past.opened(incident({ openedAt: AT - 3 * DAY }));
    past.opened(incident({ openedAt: AT - 2 * HOUR }));
    past.opened(incident({ openedAt: AT }));
    past.opened(incident({ services: ['other'], openedAt: AT - HOUR }));
    past.verdict(incident(), false, AT - HOUR);
    const now = incident({ openedAt: AT });
    expect(past.of(now, AT)).toMatchObject({ day: 1, week: 2, since: 2 * HOUR, real: 0 });
    expect(past.of(now, AT).not).toBeCloseTo(1, 2);
    expect(past.of(now, AT + 28 * DAY).not).toBeCloseTo(0.5, 2);
    const copy = createPast();
    copy.restore(JSON.parse(JSON.stringify(past.save())));
    expect(copy.of(now, AT)).toEqual(past.of(now, AT));
    expect(past.of(incident({ services: ['unknown'] }), AT)).toEqual(NO_PAST);
  });
});

/** Verdicts in order of time; `clue` says how much the features tell beyond the surprise. */
function verdicts(rows: number, clue: number, seed: number): Table {
  const rng = createRng(seed);
  const values = new Float32Array(rows * TRIAGE_COLUMNS);
  const labels = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < TRIAGE_COLUMNS; c++) values[i * TRIAGE_COLUMNS + c] = rng.normal();
    const surprise = 3 + rng.normal();
    values[i * TRIAGE_COLUMNS] = surprise;
    const z = 0.7 * (surprise - 3) + clue * (values[i * TRIAGE_COLUMNS + 5]! - values[i * TRIAGE_COLUMNS + 9]!);
    labels[i] = rng.next() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
  }
  return { rows, columns: TRIAGE_COLUMNS, values, labels };
}

describe('triage', () => {
  it('reports what the others would reach on the same splits', () => {
    const few = trainTriage(verdicts(80, 1.5, 1));
    const many = trainTriage(verdicts(200, 1.5, 1));
    expect(few.report?.challengers.map(({ kind }) => kind)).toEqual(['logistic']);
    expect(many.report?.challengers.map(({ kind }) => kind)).toEqual(['logistic', 'gbdt', 'dense']);
    for (const { auc: reached } of many.report!.challengers) expect(reached).toBeGreaterThan(0.5);
  });

  it('with too few labels to be judged in time gives a probability, and abstains', () => {
    const rare = verdicts(50, 1.5, 9);
    const clue = Array.from(
      { length: 50 },
      (_, i) => rare.values[i * TRIAGE_COLUMNS + 5]! - rare.values[i * TRIAGE_COLUMNS + 9]!,
    );
    const seventh = clue.toSorted((a, b) => b - a)[6]!;
    for (const [i, value] of clue.entries()) rare.labels[i] = value >= seventh ? 1 : 0;
    const data = trainTriage(rare);
    expect(data).toMatchObject({
      active: false,
      report: { judged: expect.any(Number), abstains: expect.stringContaining('too few') },
    });
    expect(data.calibration).not.toMatchObject({ slope: 0 });
  });

  it('speaks where labels help, holding back false alarms and keeping real ones', () => {
    const data = trainTriage(verdicts(600, 2, 2));
    expect(data.active).toBe(true);
    expect(data.report!.auc).toBeGreaterThan(data.report!.aucUnsupervised + 0.1);
    expect(data.report!.removed).toBeGreaterThan(data.report!.removedUnsupervised + 0.1);
    expect(data.report!.ece).toBeLessThan(0.08);
    const judge = createTriage(data);
    const fresh = verdicts(600, 2, 3);
    const rows = Array.from({ length: 600 }, (_, i) =>
      judge(fresh.values.subarray(i * TRIAGE_COLUMNS, (i + 1) * TRIAGE_COLUMNS)),
    );
    const kept = (label: number): number => {
      const part = rows.filter((_, i) => fresh.labels[i] === label);
      return part.filter(({ passed }) => passed).length / part.length;
    };
    expect(kept(1)).toBeGreaterThan(0.93);
    expect(kept(0)).toBeLessThan(0.85);
    expect(
      auc(
        rows.map(({ probability }) => probability),
        fresh.labels,
      ),
    ).toBeGreaterThan(0.8);
  });

  it('abstains where labels tell nothing more, and then holds nothing back', () => {
    for (const seed of [4, 5, 6]) {
      const data = trainTriage(verdicts(120, 0, seed));
      expect(data.active, `seed ${seed}`).toBe(false);
      expect(data.report?.abstains).not.toBe('');
      expect(createTriage(data)(new Float32Array(TRIAGE_COLUMNS).fill(-3)).passed).toBe(true);
    }
  });

  it('is the same for the same verdicts, and survives JSON', () => {
    const table = verdicts(150, 1, 7);
    const data = trainTriage(table);
    expect(trainTriage(table)).toEqual(data);
    const again = createTriage(JSON.parse(JSON.stringify(data)));
    const row = table.values.subarray(0, TRIAGE_COLUMNS);
    expect(again(row)).toEqual(createTriage(data)(row));
  });

  it('refuses too few verdicts, one kind only and models of other features', () => {
    expect(() => trainTriage(verdicts(19, 1, 1))).toThrow(/needs 20 verdicts/);
    const one = verdicts(40, 1, 1);
    expect(() => trainTriage({ ...one, labels: new Uint8Array(40) })).toThrow(/5 of each kind/);
    const data = trainTriage(verdicts(60, 1, 1), { ...TRIAGE, kind: 'forest' });
    expect(() => createTriage({ ...data, features: 99 })).toThrow(/other features/);
  });
});
