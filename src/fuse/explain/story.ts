import type { Anomaly, Evidence } from '../../domain/anomaly.ts';
import type { Cause, Incident, Reason } from '../../domain/incident.ts';
import { evidenceText } from './explain.ts';
import { formatSpan, formatTime, listOf } from './format.ts';
import { factsOf, stateWords } from './state.ts';

/** The story of an anomaly or an incident in one or two sentences. */

const LONGEST = 240;
/** A reason with less of its cause's score than this is not worth a word. */
const LIGHT = 0.08;

/** "checkout is slow since 14:03 UTC: p99 of POST /pay 1.9 s, usually 80 to 120 ms". */
export function anomalyText(anomaly: Anomaly): string {
  return `${anomalyHead(anomaly)}: ${factText(anomaly, 2)}`;
}

const anomalyHead = (anomaly: Anomaly): string =>
  `${anomaly.service} ${stateWords(anomaly.kind, anomaly.evidence)} since ${formatTime(anomaly.onset)} UTC`;

function factText(anomaly: Anomaly, wanted: number): string {
  const shown = factsOf(anomaly.evidence, wanted).map((e) => textOf(e) + podOf(e, anomaly.evidence));
  return shown.length === 0 ? 'many of its signals are slightly unusual at once' : shown.join('; ');
}

const textOf = (e: Evidence): string => (e.text === '' ? evidenceText(e) : e.text);

/** Names the pod when all that is strange of a service comes from one, although its other pods send the same. */
function podOf(e: Evidence, all: readonly Evidence[]): string {
  const pods = new Set(all.map(({ instance }) => instance).filter((instance) => instance !== ''));
  // Series of a second instance carry its number: without one among them there may be only this pod.
  const several = all.some(({ labels }) => labels['replica'] !== undefined);
  return e.instance !== '' && several && pods.size === 1 ? ` (only on ${e.instance})` : '';
}

type Story = Pick<Incident, 'anomalies' | 'causes' | 'deploys' | 'services' | 'onset'>;

/** One line, no numbers that change every minute: "payments is slow, 3 more services affected". */
export function incidentTitle(story: Story): string {
  const cause = story.causes[0];
  const lead = anomalyOf(story, cause) ?? mainAnomaly(story);
  if (lead === undefined) return cause === undefined ? 'Unusual behaviour' : `${cause.service} behaves unusually`;
  const others = story.services.filter((s) => s !== lead.service);
  const effect = others.length === 0 ? '' : `, ${listOf(others)} affected`;
  return `${lead.service} ${stateWords(lead.kind, lead.evidence)}${effect}`;
}

function mainAnomaly(story: Story): Anomaly | undefined {
  return story.anomalies.toSorted((a, b) => a.p - b.p || a.onset - b.onset)[0];
}

const anomalyOf = (story: Story, cause: Cause | undefined): Anomaly | undefined =>
  story.anomalies.filter((a) => a.service === cause?.service).toSorted((a, b) => a.p - b.p || b.onset - a.onset)[0];

/**
 * The cause first, then what follows from it: "payments is slow since 14:03 UTC: p99 of Charge 336 ms, usually 20 to 67 ms;
 * its own time rose from 12 ms to 282 ms. checkout and frontend wait for it." At most 240 characters.
 */
export function incidentSummary(story: Story): string {
  const cause = story.causes[0];
  const own = anomalyOf(story, cause);
  const lead = own ?? mainAnomaly(story);
  const reasons = cause === undefined ? [] : spoken(cause, own !== undefined);
  const deploy = story.deploys.find((d) => d.service === cause?.service);
  if (deploy !== undefined) {
    const gap = story.onset - deploy.at;
    reasons.unshift(`${deploy.to} was deployed ${formatSpan(gap)} ${gap >= 0 ? 'before' : 'after the onset'}`);
  }
  if (lead === undefined)
    return cause === undefined ? '' : capped([`${cause.service} is the likely cause`], reasons, '');
  const head = `${anomalyHead(lead)}: ${factText(lead, 1)}`;
  if (cause !== undefined && own === undefined) {
    return capped([`${head}`, `likely cause: ${cause.service}`], reasons, '');
  }
  return capped([head], reasons, effectOf(story, lead));
}

/** Reasons in order of weight, without those that the first fact has said or that say little. */
function spoken(cause: Cause, told: boolean): string[] {
  return cause.reasons
    .filter((r) => r.weight >= LIGHT && worthSaying(r, told))
    .toSorted((a, b) => b.weight - a.weight)
    .slice(0, 2)
    .map((r) => r.text);
}

function worthSaying(reason: Reason, told: boolean): boolean {
  switch (reason.kind) {
    case 'deploy':
    case 'topology':
      return false;
    case 'metric-change':
    case 'silence':
      return !told;
    case 'log-pattern':
      return reason.text.startsWith('new ');
    default:
      return true;
  }
}

/** What the other services suffer from: they wait for a slow one, fail with a failing one. */
function effectOf(story: Story, lead: Anomaly): string {
  const others = story.services.filter((service) => service !== lead.service);
  if (others.length === 0) return '';
  const calls = story.causes[0]?.reasons.some((r) => r.kind === 'topology') === true;
  const state = stateWords(lead.kind, lead.evidence);
  const one = others.length === 1;
  const names = listOf(others, 3);
  if (calls && (state === 'is slow' || state === 'is saturated')) return `${names} ${one ? 'waits' : 'wait'} for it`;
  if (calls && state === 'is failing') return `${names} ${one ? 'fails' : 'fail'} with it`;
  return `${names} ${one ? 'is' : 'are'} affected`;
}

/** Joins head, reasons and effect; leaves out the last reasons, then the effect, then cuts, until it is short enough. */
function capped(head: readonly string[], reasons: readonly string[], effect: string): string {
  const join = (count: number, end: string): string =>
    `${[...head, ...reasons.slice(0, count)].join('; ')}.${end === '' ? '' : ` ${end}.`}`;
  for (let count = reasons.length; count >= 0; count--) {
    const text = join(count, effect);
    if (text.length <= LONGEST) return text;
  }
  const bare = join(0, '');
  return bare.length <= LONGEST ? bare : `${bare.slice(0, LONGEST - 3)}...`;
}
