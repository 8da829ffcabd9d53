import type { Options } from '../../domain/options.ts';
import type { Notification } from '../../domain/ports.ts';
import type { Shape } from './template/shape.ts';
import { compileTemplate } from './template/template.ts';

/** The texts that every receiver takes as templates (`template/README.md`). */
export const TEXT_OPTIONS = {
  title: { type: 'string', default: '{{ .title }}', doc: 'Template of the headline' },
  text: {
    type: 'string',
    default:
      '{{ .summary }}{{ range .causes | first 3 }}\n{{ .rank }}. {{ .service }} ({{ .share | percent }}){{ if .reason }} {{ .reason }}{{ end }}{{ end }}',
    doc: 'Template of the body',
  },
} as const;
export const TEXT_TEMPLATES = ['title', 'text'] as const;

const text: Shape = { kind: 'text' };
const number: Shape = { kind: 'number' };
const labels: Shape = { kind: 'map', item: text };

/** What a template can say; `dataOf` gives it. */
export const TEXT_SHAPE: Shape = {
  kind: 'object',
  fields: {
    reason: text,
    status: text,
    severity: text,
    title: text,
    summary: text,
    url: text,
    incident: text,
    tenant: text,
    receiver: text,
    confidence: number,
    score: number,
    onset: number,
    opened_at: number,
    updated_at: number,
    closed_at: number,
    lasted: number,
    services: { kind: 'list', item: text },
    causes: {
      kind: 'list',
      item: {
        kind: 'object',
        fields: {
          rank: number,
          service: text,
          share: number,
          onset: number,
          reason: text,
          reasons: { kind: 'list', item: text },
        },
      },
    },
    deploys: { kind: 'list', item: { kind: 'object', fields: { service: text, from: text, to: text, at: number } } },
    traces: { kind: 'list', item: text },
    labels,
    annotations: labels,
    acknowledged_by: text,
    verdict: text,
  },
};

export function dataOf(notification: Notification): Record<string, unknown> {
  const { incident } = notification;
  return {
    reason: notification.reason,
    status: incident.status === 'open' ? 'firing' : 'resolved',
    severity: incident.severity,
    title: incident.title,
    summary: incident.summary,
    url: notification.url,
    incident: incident.id,
    tenant: incident.tenant,
    receiver: notification.receiver,
    confidence: incident.confidence,
    score: incident.score,
    onset: incident.onset,
    opened_at: incident.openedAt,
    updated_at: incident.updatedAt,
    closed_at: incident.closedAt ?? 0,
    lasted: (incident.closedAt ?? incident.updatedAt) - incident.onset,
    services: incident.services,
    causes: incident.causes.map((cause, i) => ({
      rank: i + 1,
      service: cause.service,
      share: cause.share,
      onset: cause.onset,
      reason: cause.reasons[0]?.text ?? '',
      reasons: cause.reasons.map((reason) => reason.text),
    })),
    deploys: incident.deploys.map(({ service, from, to, at }) => ({ service, from, to, at })),
    traces: incident.traceIds,
    labels: notification.labels,
    annotations: notification.annotations,
    acknowledged_by: incident.acknowledgedBy ?? '',
    verdict: incident.verdict?.kind ?? '',
  };
}

/** @throws TocsinError `invalid_config` for a template that cannot be read or names what is not there. */
export function checkTemplate(source: string): void {
  compileTemplate(source, TEXT_SHAPE);
}

export interface Texts {
  readonly title: string;
  readonly text: string;
}

/** The texts of a receiver for one notification. @throws TocsinError `invalid_config`. */
export function createTexts(options: Options<typeof TEXT_OPTIONS>): (notification: Notification) => Texts {
  const title = compileTemplate(options.title, TEXT_SHAPE);
  const body = compileTemplate(options.text, TEXT_SHAPE);
  return (notification) => {
    const data = dataOf(notification);
    return {
      title: title(data)
        .replaceAll(/\s*\n\s*/g, ' ')
        .trim(),
      text: body(data).trim(),
    };
  };
}

/** `Resolved`, `Acknowledged by mira`, `critical`, `escalated`: what a person reads first. */
export function stateOf({ incident, reason }: Notification): string {
  if (reason === 'digest') return 'Digest';
  if (incident.status === 'closed') return 'Resolved';
  if (reason === 'unacknowledged') return `${incident.severity}, not acknowledged`;
  if (reason === 'acknowledged') return `Acknowledged by ${incident.acknowledgedBy ?? 'somebody'}`;
  return reason === 'opened' ? incident.severity : reason;
}

/** At most `limit` UTF-16 units, never half a character. */
export const cut = (value: string, limit: number): string =>
  value.length <= limit
    ? value
    : `${value
        .slice(0, limit - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, '')}…`;

/** At most `limit` bytes of UTF-8. */
export function cutBytes(value: string, limit: number): string {
  if (Buffer.byteLength(value) <= limit) return value;
  return `${Buffer.from(value)
    .subarray(0, limit - 3)
    .toString('utf8')
    .replace(/\uFFFD$/, '')}…`;
}
