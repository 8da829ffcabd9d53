import type { HeldBack } from '../../alert/budget/budget.ts';
import { incidentLabels } from '../../alert/route/route.ts';
import { stableId } from '../../domain/identity.ts';
import type { Cause, Incident, Severity } from '../../domain/incident.ts';
import type { Notification, NotificationMember, NotificationReason } from '../../domain/ports.ts';
import type { EpochMs } from '../../domain/units.ts';

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };
/** Of the reasons of a group's members, the one that stands for the message. */
const LOUDEST: readonly NotificationReason[] = ['unacknowledged', 'opened', 'reopened', 'escalated', 'reminder'];
const MAX_CAUSES = 5;
const MAX_LISTED = 25;

const pageOf = (externalUrl: string, path: string): string => `${externalUrl.replace(/\/+$/, '')}${path}`;

/** What a receiver is told of one incident. */
export function notificationOf(
  incident: Incident,
  reason: NotificationReason,
  receiver: string,
  externalUrl: string,
): Notification {
  const { url, labels, annotations } = memberOf(incident, externalUrl);
  return { reason, incident, url, labels, annotations, groupKey: `{}:{incident="${incident.id}"}`, receiver };
}

function memberOf(incident: Incident, externalUrl: string): NotificationMember {
  const cause = incident.causes[0];
  return {
    incident,
    url: pageOf(externalUrl, `/incidents/${incident.id}`),
    labels: incidentLabels(incident),
    annotations: {
      summary: incident.title,
      description: incident.summary,
      ...(cause === undefined ? {} : { cause: `${cause.service} (${Math.round(cause.share * 100)} %)` }),
    },
  };
}

export interface GroupStory {
  /** Alertmanager's group key, and the labels that make it. */
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  /** When this life of the group began. */
  readonly since: EpochMs;
  readonly members: readonly Incident[];
  /** Reasons of the members that are new in it; empty when something has only ended, or nothing has changed. */
  readonly reasons: readonly NotificationReason[];
  readonly repeated: boolean;
}

/**
 * One message for the incidents of a group. It reads like one incident (worst severity, all services, open while one is),
 * under an id that stays the same for the life of the group, so that every receiver edits and deduplicates it as it does
 * an incident.
 */
export function groupNotification(story: GroupStory, receiver: string, externalUrl: string): Notification {
  const { members, reasons, key, labels, since } = story;
  const firing = members.filter((incident) => incident.status === 'open');
  const shown = firing.length > 0 ? firing : members;
  const single = members.length === 1 ? members[0] : undefined;
  const reason =
    firing.length === 0
      ? 'resolved'
      : (LOUDEST.find((r) => reasons.includes(r)) ?? (story.repeated ? 'reminder' : 'updated'));
  const id = stableId('group', receiver, key, since);
  const incident = single === undefined ? summed(id, shown, members, labels) : { ...single, id };
  const parts = members.map((member) => memberOf(member, externalUrl));
  const first = parts[0] as NotificationMember;
  return {
    reason,
    incident,
    members: parts,
    groupLabels: labels,
    url: single === undefined ? pageOf(externalUrl, '/incidents') : first.url,
    labels: common(parts.map((part) => part.labels)),
    annotations: single === undefined ? { summary: incident.title, description: incident.summary } : first.annotations,
    groupKey: key,
    receiver,
  };
}

function summed(
  id: string,
  shown: readonly Incident[],
  members: readonly Incident[],
  labels: Readonly<Record<string, string>>,
): Incident {
  const lead = shown.toSorted(
    (a, b) => RANK[b.severity] - RANK[a.severity] || b.score - a.score || (a.id < b.id ? -1 : 1),
  )[0] as Incident;
  const ended = members.filter((m) => m.status === 'closed').length;
  const open = members.length - ended;
  const named = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
  const counts = open === 0 ? `${ended} ended` : ended === 0 ? `${open}` : `${open} open and ${ended} ended`;
  const acknowledged = shown.every((m) => m.acknowledgedAt !== null);
  const closedAt = open === 0 ? Math.max(...members.map((m) => m.closedAt ?? m.updatedAt)) : null;
  return {
    ...lead,
    id,
    status: open === 0 ? 'closed' : 'open',
    title: `${counts} incident${members.length === 1 ? '' : 's'}${named === '' ? '' : ` (${named})`}: ${lead.title}`,
    summary: listed(members),
    confidence: Math.max(...shown.map((m) => m.confidence)),
    score: Math.max(...shown.map((m) => m.score)),
    onset: Math.min(...members.map((m) => m.onset)),
    openedAt: Math.min(...members.map((m) => m.openedAt)),
    updatedAt: Math.max(...members.map((m) => m.updatedAt)),
    closedAt,
    reopenedCount: 0,
    services: [...new Set(members.flatMap((m) => m.services))],
    anomalies: [],
    causes: causesOf(shown),
    evidence: [],
    contributions: [],
    deploys: members.flatMap((m) => m.deploys).slice(0, 20),
    traceIds: [...new Set(shown.flatMap((m) => m.traceIds))].slice(0, 16),
    timeline: [],
    acknowledgedBy: acknowledged ? lead.acknowledgedBy : null,
    acknowledgedAt: acknowledged ? lead.acknowledgedAt : null,
    verdict: null,
  };
}

function causesOf(incidents: readonly Incident[]): Cause[] {
  const best = new Map<string, Cause>();
  for (const cause of incidents.flatMap((m) => m.causes)) {
    const before = best.get(cause.service);
    if (before === undefined || cause.share > before.share) best.set(cause.service, cause);
  }
  const top = [...best.values()].sort((a, b) => b.share - a.share || (a.service < b.service ? -1 : 1));
  const total = top.slice(0, MAX_CAUSES).reduce((sum, cause) => sum + cause.share, 0);
  return top.slice(0, MAX_CAUSES).map((cause) => ({ ...cause, share: total > 0 ? cause.share / total : 0 }));
}

function listed(members: readonly Incident[]): string {
  const lines = members
    .slice(0, MAX_LISTED)
    .map((m) => `${m.status === 'closed' ? 'ended: ' : m.severity === 'critical' ? 'critical: ' : ''}${m.title}`);
  const more = members.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

/** Labels that all have, with the same value. */
function common(all: readonly Readonly<Record<string, string>>[]): Readonly<Record<string, string>> {
  const [first = {}, ...rest] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => rest.every((labels) => labels[name] === value)),
  );
}

/** What was held back since the last digest: as of an incident that is over, so that nothing stays open anywhere. */
export function digestNotification(
  held: readonly HeldBack[],
  find: (id: string) => Incident | undefined,
  receiver: string,
  at: EpochMs,
  externalUrl: string,
): Notification {
  const members = held.flatMap(({ incident }) => find(incident) ?? []);
  const since = Math.min(...held.map((h) => h.at));
  const id = stableId('digest', receiver, at);
  const lines = held
    .slice(0, MAX_LISTED)
    .map((h) => `${h.title}: ${h.reason} ${pageOf(externalUrl, `/incidents/${h.incident}`)}`);
  const more = held.length - lines.length;
  const title = `Digest: ${held.length} incident${held.length === 1 ? ' was' : 's were'} held back`;
  const summary = [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
  const incident: Incident = {
    id,
    tenant: members[0]?.tenant ?? 'default',
    version: 1,
    status: 'closed',
    severity: 'info',
    confidence: 1,
    score: 0,
    title,
    summary,
    onset: since,
    openedAt: since,
    updatedAt: at,
    closedAt: at,
    reopenedCount: 0,
    services: [...new Set(members.flatMap((m) => m.services))],
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
  };
  return {
    reason: 'digest',
    incident,
    members: members.map((member) => memberOf(member, externalUrl)),
    url: pageOf(externalUrl, '/incidents'),
    labels: { alertname: 'TocsinDigest', severity: 'info' },
    annotations: { summary: title, description: summary },
    groupKey: `{}:{digest="${id}"}`,
    receiver,
  };
}
