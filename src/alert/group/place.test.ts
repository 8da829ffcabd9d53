import { expect, test } from 'vitest';
import type { Anomaly } from '../../domain/anomaly.ts';
import { createEvidence } from '../../domain/signal/ticks.ts';
import { createIncidents } from './group.ts';

const T0 = Date.UTC(2026, 0, 5);
const SECOND = 1_000;

const anomaly = (service: string, onset: number, subject = service): Anomaly => ({
  id: `${service}-${onset}`,
  tenant: 'default',
  service,
  class: 'point',
  kind: 'new-pattern',
  openedAt: T0 + onset,
  onset: T0 + onset,
  updatedAt: T0 + onset,
  closedAt: null,
  p: 1e-5,
  score: 0.8,
  confidence: 0.8,
  evidence: [
    createEvidence({
      service,
      modality: 'log',
      metric: 'log.rate',
      kind: 'new-pattern',
      subject,
      at: T0 + onset,
      p: 1e-5,
      value: 1,
      text: subject,
    }),
  ],
  contributions: [],
  text: service,
});

/** Anomalies one step after the other; the services of each incident. */
function stories(list: readonly Anomaly[]): string[][] {
  const incidents = createIncidents({ diagnose: () => [], narrate: () => ({ title: '', summary: '' }) });
  for (const one of list) incidents.apply({ at: one.openedAt, anomalies: [one], edges: [], deploys: [] });
  return incidents.list().map(({ services }) => [...services]);
}

test('what only time connects joins the first sign of a story, not the last of a chain', () => {
  const chain = ['a', 'b', 'c', 'd'].map((service, i) => anomaly(service, i * 90 * SECOND));
  expect(stories(chain)).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
});

test('a chain in which each logs the same line is one story', () => {
  const chain = ['a', 'b', 'c', 'd'].map((service, i) => anomaly(service, i * 90 * SECOND, 'cannot reach <*>'));
  expect(stories(chain)).toEqual([['a', 'b', 'c', 'd']]);
});

test('seen at once, a chain of moments is cut the same way', () => {
  const incidents = createIncidents({ diagnose: () => [], narrate: () => ({ title: '', summary: '' }) });
  const chain = ['a', 'b', 'c', 'd'].map((service, i) => anomaly(service, i * 90 * SECOND));
  incidents.apply({ at: T0 + 300 * SECOND, anomalies: chain, edges: [], deploys: [] });
  expect(incidents.list().map(({ services }) => [...services])).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
});
