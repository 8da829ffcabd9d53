import type { Evidence } from '../../domain/anomaly.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { Labels } from '../../domain/signal/series.ts';
import type { EpochMs } from '../../domain/units.ts';
import { HOUR, MINUTE } from '../../domain/units.ts';
import { seriesIdOf } from './shop.ts';
import type { Story } from './story.ts';

export const TRACE_TIMEOUT = '7f3a91c04be84d21a6f0c3d2e19b8475';
export const TRACE_SESSIONS = '0c9be1a47d5f4e0b93a2d8467f10ce5b';
export const TRACE_CARRIER = 'b1e6d04c82f94a7390d5ce1f7a2b4c68';

const steep =
  (to: number, ms = 90_000) =>
  (usual: number, elapsed: number) =>
    usual + (to - usual) * Math.min(1, elapsed / ms);
const times =
  (factor: number, ms = 90_000) =>
  (usual: number, elapsed: number) =>
    usual * (1 + (factor - 1) * Math.min(1, elapsed / ms));

interface LogLine {
  readonly service: string;
  readonly at: EpochMs;
  readonly template: string;
  readonly example: string;
  readonly rate: number;
  readonly traceId?: string;
}

function logEvidence(line: LogLine): Evidence {
  const labels: Labels = { severity: 'error' };
  return {
    series: seriesIdOf(line.service, 'log.rate'),
    service: line.service,
    modality: 'log',
    metric: 'log.template.rate',
    unit: '1/s',
    labels,
    instance: `${line.service}-6d9f7c-x2k9q`,
    kind: 'new-pattern',
    at: line.at,
    onset: line.at,
    p: 1e-6,
    value: line.rate,
    expected: 0,
    lower: 0,
    upper: 0,
    contributions: [{ name: 'template-rarity', share: 1 }],
    text: `New log line in ${line.service}, ${line.rate} per second, never seen before`,
    subject: line.template,
    example: line.example,
    ...(line.traceId === undefined ? {} : { traceId: line.traceId }),
  };
}

/** Six stories of the last two days, the newest first. `now` is rounded to a minute. */
export function storiesAt(now: EpochMs): readonly Story[] {
  return [badDeploy(now), leak(now), sessionsFull(now), silentInventory(now), crawler(now), carrierKey(now)];
}

function badDeploy(now: EpochMs): Story {
  const onset = now - 14 * MINUTE;
  const deploy: DeployMarker = { service: 'payments', from: '2.13.4', to: '2.14.0', at: onset - 70_000 };
  const to = now + HOUR;
  return {
    slug: 'payments-deploy',
    title: 'Payments fails one request in five since its deploy of 2.14.0; checkout fails with it',
    summary:
      'Error ratio of payments is 21 %, expected 0.3 to 0.6 %, since 70 seconds after version 2.14.0 replaced 2.13.4. Its p99 rose to 4.9 s. Checkout waits for payments and returns 502. Other callees of checkout are in their normal range.',
    severity: 'critical',
    confidence: 0.94,
    onset,
    closedAt: null,
    services: [
      { service: 'payments', kind: 'errors', p: 1e-6, text: 'payments: error ratio 21 %, expected under 0.6 %' },
      { service: 'checkout', kind: 'latency', p: 3e-6, text: 'checkout: p99 5.2 s, expected 130 to 170 ms' },
    ],
    causes: [
      {
        service: 'payments',
        share: 0.81,
        onset,
        reasons: [
          { kind: 'deploy', text: 'Version 2.13.4 became 2.14.0 70 s before the onset', weight: 0.38 },
          {
            kind: 'self-time',
            text: 'Self time of payments grew from 110 ms to 4.6 s; none of its callees is slow',
            weight: 0.29,
          },
          { kind: 'log-pattern', text: 'A log line never seen before: vault lease expired', weight: 0.2 },
          { kind: 'onset-order', text: 'First service to leave its range, 20 s before checkout', weight: 0.13 },
        ],
      },
      {
        service: 'checkout',
        share: 0.13,
        onset: onset + 20_000,
        reasons: [
          { kind: 'errors', text: 'Error ratio 19 %, all of it in calls to payments', weight: 0.6 },
          { kind: 'topology', text: 'Calls payments for 96 % of its requests', weight: 0.4 },
        ],
      },
      {
        service: 'orders-db',
        share: 0.06,
        onset: onset + 80_000,
        reasons: [{ kind: 'metric-change', text: 'Request rate 18 % below expectation', weight: 1 }],
      },
    ],
    effects: [
      { service: 'payments', metric: 'span.error_ratio', from: onset, to, bend: steep(0.21, 60_000) },
      { service: 'payments', metric: 'span.duration.p99', from: onset, to, bend: steep(4_900) },
      { service: 'payments', metric: 'log.rate', from: onset, to, bend: times(38) },
      { service: 'checkout', metric: 'span.error_ratio', from: onset + 20_000, to, bend: steep(0.19) },
      { service: 'checkout', metric: 'span.duration.p99', from: onset + 20_000, to, bend: steep(5_200) },
      { service: 'checkout', metric: 'http.server.active_requests', from: onset + 20_000, to, bend: times(6) },
      { service: 'orders-db', metric: 'span.rate', from: onset + 80_000, to, bend: times(0.82) },
    ],
    logs: [
      logEvidence({
        service: 'payments',
        at: onset + 3_000,
        template: 'vault lease <*> expired, re-authentication failed: permission denied for role <*>',
        example:
          'vault lease 5f1c-aa09-77e2 expired, re-authentication failed: permission denied for role payments-v214',
        rate: 8.4,
        traceId: TRACE_TIMEOUT,
      }),
      logEvidence({
        service: 'checkout',
        at: onset + 24_000,
        template: 'charge failed order=<*> attempt=<*> upstream=payments status=<*>',
        example: 'charge failed order=8841207 attempt=3 upstream=payments status=504',
        rate: 7.9,
      }),
    ],
    deploys: [deploy],
    traceIds: [TRACE_TIMEOUT],
    timeline: [
      { at: deploy.at, kind: 'deploy', text: 'payments 2.13.4 became 2.14.0' },
      { at: onset, kind: 'onset', text: 'Error ratio of payments leaves its band' },
      { at: onset + 40_000, kind: 'opened', text: 'Incident opened, payments at p < 0.000001' },
      { at: onset + 60_000, kind: 'service-joined', text: 'checkout joins: it waits for payments' },
      {
        at: onset + 150_000,
        kind: 'severity-changed',
        text: 'Warning became critical: a service that earns money is failing',
      },
    ],
  };
}

function leak(now: EpochMs): Story {
  const onset = now - 130 * MINUTE;
  return {
    slug: 'recommendations-leak',
    title: 'Memory of recommendations grows 3.1 MB a minute and reaches its limit in about 50 minutes',
    summary:
      'container.memory.usage of recommendations is 690 MB, expected 290 to 310 MB, and rises steadily. Latency and errors are normal so far.',
    severity: 'warning',
    confidence: 0.78,
    onset,
    closedAt: null,
    services: [
      { service: 'recommendations', kind: 'ramp', p: 2e-5, text: 'recommendations: memory ramp, 3.1 MB a minute' },
    ],
    causes: [
      {
        service: 'recommendations',
        share: 1,
        onset,
        reasons: [
          { kind: 'metric-change', text: 'Memory rose 400 MB while the request rate kept to its band', weight: 0.8 },
          { kind: 'onset-order', text: 'Nothing else changed within 30 minutes', weight: 0.2 },
        ],
      },
    ],
    effects: [
      {
        service: 'recommendations',
        metric: 'container.memory.usage',
        from: onset,
        to: now + 6 * HOUR,
        bend: (usual, elapsed) => usual + (elapsed / MINUTE) * 3.1e6,
      },
      {
        service: 'recommendations',
        metric: 'container.cpu.usage',
        from: onset + HOUR,
        to: now + 6 * HOUR,
        bend: times(1.55, HOUR),
      },
    ],
    timeline: [
      { at: onset, kind: 'onset', text: 'Memory starts to rise' },
      { at: onset + 31 * MINUTE, kind: 'opened', text: 'Incident opened, memory at p = 0.00002' },
      { at: onset + 38 * MINUTE, kind: 'acknowledged', text: 'Acknowledged by mira' },
    ],
    acknowledgedBy: 'mira',
  };
}

function sessionsFull(now: EpochMs): Story {
  const onset = now - 6.4 * HOUR;
  const closedAt = onset + 27 * MINUTE;
  const to = closedAt - 4 * MINUTE;
  return {
    slug: 'sessions-saturated',
    title: 'Sessions ran out of CPU; cart and storefront slowed down with it',
    summary:
      'CPU of sessions was 3.9 cores, expected 2.1 to 2.9, for 23 minutes. Cart and storefront waited for it: the gap between their client spans and its server spans grew from 1 ms to 420 ms.',
    severity: 'critical',
    confidence: 0.9,
    onset,
    closedAt,
    services: [
      { service: 'sessions', kind: 'level-shift', p: 1e-6, text: 'sessions: CPU 3.9 cores, expected 2.1 to 2.9' },
      { service: 'cart', kind: 'latency', p: 8e-6, text: 'cart: p99 980 ms, expected 80 to 110 ms' },
      { service: 'storefront', kind: 'latency', p: 4e-5, text: 'storefront: p99 1.4 s, expected 60 to 80 ms' },
    ],
    causes: [
      {
        service: 'sessions',
        share: 0.74,
        onset,
        reasons: [
          { kind: 'metric-change', text: 'CPU reached its limit before anything else changed', weight: 0.5 },
          {
            kind: 'edge-gap',
            text: 'Client minus server time on cart → sessions grew from 1 ms to 420 ms',
            weight: 0.5,
          },
        ],
      },
      {
        service: 'cart',
        share: 0.19,
        onset: onset + 30_000,
        reasons: [{ kind: 'topology', text: 'Calls sessions twice a request', weight: 1 }],
      },
      {
        service: 'storefront',
        share: 0.07,
        onset: onset + 50_000,
        reasons: [{ kind: 'topology', text: 'Calls cart and sessions', weight: 1 }],
      },
    ],
    effects: [
      { service: 'sessions', metric: 'container.cpu.usage', from: onset, to, bend: steep(3.9) },
      { service: 'sessions', metric: 'span.duration.p99', from: onset, to, bend: steep(430) },
      { service: 'cart', metric: 'span.duration.p99', from: onset + 30_000, to, bend: steep(980) },
      { service: 'storefront', metric: 'span.duration.p99', from: onset + 50_000, to, bend: steep(1_400) },
    ],
    traceIds: [TRACE_SESSIONS],
    timeline: [
      { at: onset, kind: 'onset', text: 'CPU of sessions leaves its band' },
      { at: onset + 40_000, kind: 'opened', text: 'Incident opened' },
      { at: to, kind: 'recovered', text: 'All services back in their range' },
      { at: closedAt, kind: 'closed', text: 'Closed after 4 quiet minutes' },
    ],
    acknowledgedBy: 'jonas',
    verdict: { kind: 'real', comment: 'Scaled sessions from 2 to 3 pods', by: 'jonas' },
  };
}

function silentInventory(now: EpochMs): Story {
  const onset = now - 11.2 * HOUR;
  const closedAt = onset + 12 * MINUTE;
  const gap = (metric: string) => ({
    service: 'inventory',
    metric,
    from: onset,
    to: onset + 9 * MINUTE,
    bend: () => NaN,
  });
  return {
    slug: 'inventory-silent',
    title: 'Inventory stopped reporting for 9 minutes while its callers kept calling it',
    summary:
      'No metrics, logs or spans arrived from inventory. Catalog still called it without errors, so the service ran and its telemetry was lost.',
    severity: 'warning',
    confidence: 0.83,
    onset,
    closedAt,
    services: [{ service: 'inventory', kind: 'target-silent', p: 6e-5, text: 'inventory: silent for 9 minutes' }],
    causes: [
      {
        service: 'inventory',
        share: 1,
        onset,
        reasons: [
          {
            kind: 'silence',
            text: 'All 7 series stopped within 10 seconds; other services of the same node kept sending',
            weight: 1,
          },
        ],
      },
    ],
    effects: [gap('span.rate'), gap('container.cpu.usage'), gap('container.memory.usage')],
    timeline: [
      { at: onset, kind: 'onset', text: 'Last point of inventory' },
      { at: onset + 90_000, kind: 'opened', text: 'Incident opened: one target silent, pipeline alive' },
      { at: onset + 9 * MINUTE, kind: 'recovered', text: 'Points arrive again' },
      { at: closedAt, kind: 'closed', text: 'Closed after 3 quiet minutes' },
    ],
  };
}

function crawler(now: EpochMs): Story {
  const onset = now - 21.5 * HOUR;
  const closedAt = onset + 48 * MINUTE;
  return {
    slug: 'catalog-night',
    title: 'Catalog takes twice its usual load for the hour',
    summary:
      'Request rate of catalog was 2.1 times what this hour of the day usually brings. Latency and errors stayed normal.',
    severity: 'info',
    confidence: 0.56,
    onset,
    closedAt,
    services: [{ service: 'catalog', kind: 'wrong-time', p: 9e-5, text: 'catalog: daytime load at night' }],
    causes: [
      {
        service: 'catalog',
        share: 1,
        onset,
        reasons: [{ kind: 'metric-change', text: 'Request rate doubled without a change of its callers', weight: 1 }],
      },
    ],
    effects: [
      { service: 'catalog', metric: 'span.rate', from: onset, to: closedAt - 5 * MINUTE, bend: times(2.1) },
      { service: 'catalog', metric: 'container.cpu.usage', from: onset, to: closedAt - 5 * MINUTE, bend: times(1.8) },
    ],
    timeline: [
      { at: onset, kind: 'onset', text: 'Request rate leaves its band for this hour' },
      { at: onset + 5 * MINUTE, kind: 'opened', text: 'Incident opened' },
      { at: onset + 5 * MINUTE, kind: 'suppressed', text: 'Not sent: severity info goes to no receiver' },
      { at: closedAt, kind: 'closed', text: 'Closed after recovery' },
    ],
    verdict: { kind: 'expected', comment: 'Quarterly price crawl of a partner', by: 'mira' },
  };
}

function carrierKey(now: EpochMs): Story {
  const onset = now - 30.3 * HOUR;
  const closedAt = onset + 19 * MINUTE;
  const to = closedAt - 5 * MINUTE;
  return {
    slug: 'shipping-carrier',
    title: 'Shipping logs rejected carrier credentials; one label in eight fails',
    summary:
      'Error ratio of shipping was 12 %, expected 0.3 to 0.6 %. The log line "carrier rejected credentials" had never been seen before.',
    severity: 'warning',
    confidence: 0.71,
    onset,
    closedAt,
    services: [{ service: 'shipping', kind: 'errors', p: 1e-5, text: 'shipping: error ratio 12 %' }],
    causes: [
      {
        service: 'shipping',
        share: 1,
        onset,
        reasons: [
          { kind: 'log-pattern', text: 'A log line never seen before: carrier rejected credentials', weight: 0.6 },
          { kind: 'errors', text: 'Error ratio 12 %, expected under 0.6 %', weight: 0.4 },
        ],
      },
    ],
    effects: [
      { service: 'shipping', metric: 'span.error_ratio', from: onset, to, bend: steep(0.12) },
      { service: 'shipping', metric: 'log.rate', from: onset, to, bend: times(14) },
    ],
    logs: [
      logEvidence({
        service: 'shipping',
        at: onset,
        template: 'carrier <*> rejected credentials: HTTP 401 key=<*>',
        example: 'carrier dhl rejected credentials: HTTP 401 key=****c41f',
        rate: 2.2,
        traceId: TRACE_CARRIER,
      }),
    ],
    traceIds: [TRACE_CARRIER],
    timeline: [
      { at: onset, kind: 'onset', text: 'First line "carrier rejected credentials"' },
      { at: onset + 40_000, kind: 'opened', text: 'Incident opened' },
      { at: to, kind: 'recovered', text: 'Error ratio back in its band' },
      { at: closedAt, kind: 'closed', text: 'Closed after 5 quiet minutes' },
    ],
    verdict: { kind: 'false-alarm', comment: 'Key rotation drill', by: 'jonas' },
  };
}
