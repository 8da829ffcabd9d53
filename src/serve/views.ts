import type { Incident } from '../domain/incident.ts';
import type { OutboxItem } from '../domain/ports.ts';
import type { WireIncidentSummary } from './schemas/incident.ts';
import type { WireOutboxItem, WireStatus } from './schemas/system.ts';

/** What a list of incidents shows. */
export function summaryOf(incident: Incident): WireIncidentSummary {
  const {
    anomalies: _a,
    causes,
    evidence,
    contributions: _c,
    deploys: _d,
    traceIds: _t,
    timeline: _l,
    ...head
  } = incident;
  const first = causes[0];
  return {
    ...head,
    evidenceCount: evidence.length,
    cause:
      first === undefined ? null : { service: first.service, share: first.share, text: first.reasons[0]?.text ?? '' },
  };
}

export function outboxView(item: OutboxItem): WireOutboxItem {
  const { payload, ...rest } = item;
  const { reason, incident, members } = payload;
  const incidents = members === undefined ? [incident.id] : members.map((member) => member.incident.id);
  return { ...rest, reason, incident: incident.id, incidents, title: incident.title };
}

/** Receivers in order of name, counted over the items given (newest first). */
export function receiversOf(items: readonly OutboxItem[]): WireStatus['receivers'] {
  const receivers = new Map<
    string,
    { pending: number; sent: number; refused: number; lastSentAt: number | null; lastError: string }
  >();
  for (const item of items) {
    const seen = receivers.get(item.receiver) ?? { pending: 0, sent: 0, refused: 0, lastSentAt: null, lastError: '' };
    seen[item.state] += 1;
    if (item.sentAt !== null) seen.lastSentAt = Math.max(seen.lastSentAt ?? 0, item.sentAt);
    if (seen.lastError === '' && item.state !== 'sent') seen.lastError = item.lastError;
    receivers.set(item.receiver, seen);
  }
  return [...receivers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([receiver, counts]) => ({ receiver, ...counts }));
}
