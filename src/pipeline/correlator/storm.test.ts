import { expect, test } from 'vitest';
import type { Incident } from '../../domain/incident.ts';
import type { OutboxEntry } from '../../domain/ports.ts';
import { settingsSchema } from '../settings.ts';
import { createCorrelator } from './create.ts';
import { outage } from './testing/reports.ts';

const settings = settingsSchema.parse({
  receivers: [{ name: 'pager', webhook_configs: [{ url: 'http://127.0.0.1:1' }] }],
  route: { receiver: 'pager' },
});

test('10,000 anomalies of one outage over 200 services: one incident, the root first among the causes, one page', () => {
  const correlator = createCorrelator(settings, { modelVersion: '', configHash: '' }, 'http://tocsin');
  const incidents = new Map<string, Incident>();
  const told: OutboxEntry[] = [];
  const start = Date.UTC(2026, 10, 20, 12, 0, 0);
  let strange = 0;
  const story = { services: 200, series: 50, start, calmTicks: 15, badTicks: 4, calmAfter: 30 };
  for (const report of outage(story)) {
    if (report.sequence === story.calmTicks) strange = report.services.reduce((sum, s) => sum + s.seriesStrange, 0);
    const step = correlator.apply(report);
    for (const incident of step.incidents) incidents.set(incident.id, incident);
    told.push(...step.outbox);
  }
  expect(strange).toBe(10_000);
  expect(incidents.size).toBeLessThanOrEqual(3);
  const largest = [...incidents.values()].toSorted((a, b) => b.services.length - a.services.length)[0]!;
  expect(largest.services).toHaveLength(200);
  expect(largest.causes.slice(0, 3).map((cause) => cause.service)).toContain('s0');
  expect([...incidents.values()].every((incident) => incident.status === 'closed')).toBe(true);
  expect(told.filter(({ payload }) => payload.reason === 'opened')).toHaveLength(incidents.size);
  expect(told.map(({ payload }) => payload.reason)).toEqual(['opened', 'resolved']);
});
