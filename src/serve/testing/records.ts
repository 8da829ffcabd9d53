import type { DecisionRecord } from '../../domain/decision.ts';
import type { Incident } from '../../domain/incident.ts';
import type { OutboxItem } from '../../domain/ports.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { ExampleSpan, TemplateInfo } from '../../domain/signal/history.ts';
import type { EpochMs } from '../../domain/units.ts';
import { HOUR, MINUTE } from '../../domain/units.ts';
import { hash } from './shop.ts';
import { TRACE_CARRIER, TRACE_SESSIONS, TRACE_TIMEOUT } from './stories.ts';

export function deploysAt(now: EpochMs): readonly DeployMarker[] {
  return [
    { service: 'payments', from: '2.13.4', to: '2.14.0', at: now - 14 * MINUTE - 70_000 },
    { service: 'storefront', from: '5.8.1', to: '5.8.2', at: now - 5.1 * HOUR },
    { service: 'recommendations', from: '1.9.3', to: '1.9.4', at: now - 9.7 * HOUR },
    { service: 'cart', from: '4.0.6', to: '4.0.7', at: now - 26.2 * HOUR },
    { service: 'catalog', from: '7.1.2', to: '7.1.3', at: now - 33 * HOUR },
  ];
}

type SpanRow = readonly [parent: number, service: string, name: string, offset: number, duration: number, error?: true];

function spansOf(traceId: string, start: EpochMs, rows: readonly SpanRow[]): readonly ExampleSpan[] {
  const idOf = (index: number) => hash(`${traceId}/${index}`).toString(16).padStart(16, '0');
  return rows.map(([parent, service, name, offset, durationMs, error], index) => ({
    traceId,
    spanId: idOf(index),
    parentId: parent < 0 ? '' : idOf(parent),
    service,
    name,
    start: start + offset,
    durationMs,
    error: error === true,
  }));
}

export function tracesAt(now: EpochMs): readonly ExampleSpan[] {
  return [
    ...spansOf(TRACE_TIMEOUT, now - 9 * MINUTE, [
      [-1, 'storefront', 'POST /checkout', 0, 5_312, true],
      [0, 'storefront', 'GET session', 2, 3.1],
      [0, 'checkout', 'POST /orders', 9, 5_298, true],
      [2, 'cart', 'GET /cart/{id}', 14, 22],
      [3, 'sessions', 'GET cart', 17, 1.4],
      [2, 'orders-db', 'INSERT orders', 41, 6.8],
      [2, 'payments', 'POST /charge', 52, 1_502, true],
      [6, 'payments', 'vault.renew', 54, 1_497, true],
      [2, 'payments', 'POST /charge (retry 1)', 1_660, 1_503, true],
      [8, 'payments', 'vault.renew', 1_662, 1_498, true],
      [2, 'payments', 'POST /charge (retry 2)', 3_370, 1_902, true],
      [10, 'payments', 'vault.renew', 3_372, 1_896, true],
      [2, 'orders-db', 'UPDATE orders', 5_279, 5.2],
    ]),
    ...spansOf(TRACE_SESSIONS, now - 6.2 * HOUR, [
      [-1, 'storefront', 'GET /', 0, 1_412],
      [0, 'sessions', 'GET session', 3, 438],
      [0, 'cart', 'GET /cart/{id}', 446, 951],
      [2, 'sessions', 'GET cart', 449, 421],
      [2, 'sessions', 'EXPIRE cart', 874, 430],
      [0, 'catalog', 'GET /featured', 446, 48],
    ]),
    ...spansOf(TRACE_CARRIER, now - 30.2 * HOUR, [
      [-1, 'checkout', 'POST /orders', 0, 312, true],
      [0, 'shipping', 'POST /labels', 120, 181, true],
      [1, 'shipping', 'carrier.createLabel', 124, 170, true],
    ]),
  ];
}

export function templatesAt(now: EpochMs, incidents: readonly Incident[]): readonly TemplateInfo[] {
  const strange = incidents.flatMap((incident) =>
    incident.evidence
      .filter((item) => item.subject !== undefined && item.modality === 'log')
      .map((item) => ({
        id: `tpl-${hash(item.subject ?? '').toString(16)}`,
        service: item.service,
        template: item.subject ?? '',
        firstSeen: item.onset,
        severity: 17,
        example: item.example ?? '',
      })),
  );
  const usual = [
    ['storefront', 'GET <*> <*> <*>ms', 'GET /products/88213 200 41ms', 9],
    ['cart', 'cart <*> updated items=<*>', 'cart c-77120 updated items=4', 9],
    ['payments', 'charge accepted order=<*> amount=<*>', 'charge accepted order=8840011 amount=49.90', 9],
    ['orders-db', 'checkpoint complete: wrote <*> buffers', 'checkpoint complete: wrote 412 buffers', 9],
  ] as const;
  return [
    ...strange,
    ...usual.map(([service, template, example, severity], index) => ({
      id: `tpl-usual-${index}`,
      service,
      template,
      firstSeen: now - 47 * HOUR,
      severity,
      example,
    })),
  ];
}

export function decisionsOf(incidents: readonly Incident[]): readonly DecisionRecord[] {
  return incidents.flatMap((incident) => {
    const anomaly = incident.anomalies[0];
    if (anomaly === undefined) return [];
    const base = {
      tenant: 'default',
      service: anomaly.service,
      modelVersion: 'embedded-1',
      configHash: 'c41f9a0277be',
    };
    const at = incident.openedAt;
    return [
      {
        ...base,
        id: `d1-${incident.id}`,
        at: at - 40_000,
        subject: incident.id,
        stage: 'service-p' as const,
        outcome: 'passed' as const,
        reason: 'service p lies below the candidate limit',
        value: anomaly.p,
        limit: 1e-3,
      },
      {
        ...base,
        id: `d2-${incident.id}`,
        at: at - 30_000,
        subject: incident.id,
        stage: 'false-discovery' as const,
        outcome: 'passed' as const,
        reason: 'Benjamini-Hochberg over 10 services',
        value: anomaly.p,
        limit: 1.2e-4,
      },
      {
        ...base,
        id: `d3-${incident.id}`,
        at,
        subject: incident.id,
        stage: 'persistence' as const,
        outcome: 'passed' as const,
        reason: '3 of the last 4 ticks strange',
        value: 3,
        limit: 3,
      },
      incident.severity === 'info'
        ? {
            ...base,
            id: `d4-${incident.id}`,
            at,
            subject: incident.id,
            stage: 'route' as const,
            outcome: 'suppressed' as const,
            reason: 'no route takes severity info',
            value: null,
            limit: null,
          }
        : {
            ...base,
            id: `d4-${incident.id}`,
            at,
            subject: incident.id,
            stage: 'notify' as const,
            outcome: 'passed' as const,
            reason: 'sent to alertmanager, slack-oncall',
            value: null,
            limit: null,
          },
    ];
  });
}

export function outboxOf(incidents: readonly Incident[]): readonly OutboxItem[] {
  return incidents
    .filter(({ severity }) => severity !== 'info')
    .flatMap((incident, index) =>
      (['alertmanager', 'slack-oncall'] as const).map((receiver): OutboxItem => {
        const stuck = index === 0 && receiver === 'slack-oncall';
        return {
          id: `out-${receiver}-${incident.id}`,
          receiver,
          dedupKey: `${incident.id}/opened`,
          payload: {
            reason: 'opened',
            incident,
            url: '',
            labels: {},
            annotations: {},
            groupKey: incident.id,
            receiver,
          },
          state: stuck ? 'pending' : 'sent',
          attempts: stuck ? 3 : 1,
          nextAttemptAt: incident.openedAt + (stuck ? 15 * MINUTE : 0),
          lastError: stuck ? 'HTTP 503 from hooks.slack.example, retrying' : '',
          createdAt: incident.openedAt,
          sentAt: stuck ? null : incident.openedAt + 1_400,
        };
      }),
    );
}
