import { createHash } from 'node:crypto';
import type { Incident } from '../../../domain/incident.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, cut, TEXT_OPTIONS, TEXT_TEMPLATES, type Texts } from '../texts.ts';

const options = {
  ...TEXT_OPTIONS,
  routing_key: {
    type: 'string',
    default: '',
    doc: 'Integration key of an Events API v2 service; also routing_key_file',
  },
  url: { type: 'string', default: 'https://events.pagerduty.com', doc: 'Base address of the Events API' },
  changes: { type: 'boolean', default: true, doc: 'Also send the deploys of an incident as change events' },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

const SUMMARY = 1_024;
const DEDUP = 255;
/** Events above 512 KB are refused; what is less is Alertmanager's limit too. */
const LARGEST = 512_000;

/** PagerDuty's Events API v2: trigger, acknowledge and resolve under one dedup key an incident; deploys as change events. */
export const pagerduty: ReceiverType<typeof options> = {
  type: 'pagerduty',
  options,
  required: ['routing_key'],
  secrets: ['routing_key'],
  templates: TEXT_TEMPLATES,
  create(given, { clock, name }): Notifier {
    const texts = createTexts(given);
    const base = given.url.replace(/\/+$/, '');
    const post = (path: string, body: unknown): Promise<string> =>
      postJson({ url: `${base}${path}`, body, timeoutMs: given.timeout, what: 'PagerDuty' }, clock.now());
    return {
      name,
      async send(notification: Notification): Promise<void> {
        if (notification.reason === 'digest') {
          // Nobody is to be woken for it: a change event, with the list in its details.
          await post('/v2/change/enqueue', digestOf(notification, texts(notification), given.routing_key));
          return;
        }
        await post('/v2/enqueue', eventOf(notification, texts(notification), given.routing_key));
        if (!given.changes || notification.reason !== 'opened') return;
        // A change event is background: when one is lost, nobody is told late.
        await Promise.allSettled(
          notification.incident.deploys
            .slice(0, 5)
            .map((deploy) => post('/v2/change/enqueue', changeOf(deploy, notification.url, given.routing_key))),
        );
      },
    };
  },
};

const SEVERITY: Readonly<Record<Incident['severity'], string>> = {
  critical: 'critical',
  warning: 'warning',
  info: 'info',
};

/** The dedup key is the group key when it is short enough, else its hash. */
export function dedupKeyOf(groupKey: string): string {
  return groupKey.length <= DEDUP ? groupKey : createHash('sha256').update(groupKey).digest('hex');
}

export function eventOf(notification: Notification, texts: Texts, routingKey: string): Record<string, unknown> {
  const { incident, reason } = notification;
  const action = incident.status === 'closed' ? 'resolve' : reason === 'acknowledged' ? 'acknowledge' : 'trigger';
  const event = (details: unknown): Record<string, unknown> => ({
    routing_key: routingKey,
    event_action: action,
    dedup_key: dedupKeyOf(notification.groupKey),
    client: 'Tocsin',
    client_url: notification.url,
    payload: {
      summary: cut(texts.title === '' ? incident.title : texts.title, SUMMARY),
      source: cut(incident.causes[0]?.service ?? incident.services[0] ?? 'tocsin', SUMMARY),
      severity: SEVERITY[incident.severity],
      timestamp: new Date(incident.onset).toISOString(),
      component: incident.services[0] ?? '',
      group: incident.tenant,
      class: notification.labels['alertname'] ?? '',
      custom_details: details,
    },
    links: [{ href: notification.url, text: 'Open incident' }],
  });
  const whole = event({
    status: incident.status === 'closed' ? 'resolved' : 'firing',
    reason,
    description: texts.text,
    confidence: incident.confidence,
    services: incident.services,
    causes: incident.causes.slice(0, 3),
    labels: notification.labels,
    traces: incident.traceIds,
  });
  return Buffer.byteLength(JSON.stringify(whole)) <= LARGEST
    ? whole
    : event({
        status: incident.status === 'closed' ? 'resolved' : 'firing',
        error: 'details left out: the event would exceed 512 KB',
      });
}

function digestOf(notification: Notification, texts: Texts, routingKey: string): Record<string, unknown> {
  return {
    routing_key: routingKey,
    payload: {
      summary: cut(texts.title, SUMMARY),
      source: 'tocsin',
      timestamp: new Date(notification.incident.updatedAt).toISOString(),
      custom_details: { held_back: cut(texts.text, 100_000) },
    },
    links: [{ href: notification.url, text: 'Incidents' }],
  };
}

function changeOf(deploy: Incident['deploys'][number], url: string, routingKey: string): Record<string, unknown> {
  return {
    routing_key: routingKey,
    payload: {
      summary: cut(`${deploy.service} ${deploy.from} → ${deploy.to}`, SUMMARY),
      source: deploy.service,
      timestamp: new Date(deploy.at).toISOString(),
      custom_details: { service: deploy.service, from: deploy.from, to: deploy.to },
    },
    links: [{ href: url, text: 'Incident that followed' }],
  };
}
