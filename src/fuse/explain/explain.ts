import type { Anomaly, AnomalyKind, Evidence } from '../../domain/anomaly.ts';
import type { Incident } from '../../domain/incident.ts';
import { formatRange, formatSpan, formatTime, formatValue, listOf } from './format.ts';

/** The sentences that people read. Pure functions of what was found; nothing here decides anything. */

type EvidenceFacts = Omit<Evidence, 'text' | 'contributions'>;

/** What the evidence measures: "p99 of POST /pay", "CPU of carts", "errors on checkout -> payments". */
export function signalName(e: EvidenceFacts): string {
  const operation = e.subject ?? e.labels['operation'] ?? e.labels['span.name'] ?? e.labels['http.route'] ?? '';
  const quantile = /[._ ](p\d{2,3})$/.exec(e.metric)?.[1] ?? quantileLabel(e.labels['quantile']);
  const what = operation === '' ? e.metric.replace(/[._ ]p\d{2,3}$/, '') : operation;
  if (quantile !== undefined) return `${quantile} of ${what}`;
  const where = e.instance === '' ? '' : ` on ${e.instance}`;
  return operation === '' ? `${e.metric}${where}` : `${e.metric} of ${operation}${where}`;
}

function quantileLabel(value: string | undefined): string | undefined {
  const q = value === undefined ? Number.NaN : Number(value);
  return q > 0 && q < 1 ? `p${String(Math.round(q * 1000) / 10).replace('.', '')}` : undefined;
}

const quote = (text: string): string => `"${text.length > 120 ? `${text.slice(0, 117)}...` : text}"`;

/** "p99 of POST /pay 1.9 s (usually 80 to 120 ms)". */
export function evidenceText(e: EvidenceFacts): string {
  const name = signalName(e);
  const value = formatValue(e.value, e.unit, e.metric);
  const band = formatRange(e.lower, e.upper, e.unit, e.metric);
  const expected = Number.isFinite(e.expected) ? `around ${formatValue(e.expected, e.unit, e.metric)}` : '';
  const usual = band !== '' ? band : expected;
  const usually = usual === '' ? '' : ` (usually ${usual})`;
  switch (e.kind) {
    case 'new-pattern':
      return e.modality === 'log'
        ? `new log line ${quote(e.subject ?? e.example ?? name)}`
        : `never seen before: ${quote(e.subject ?? name)}`;
    case 'pattern-burst':
      return `log line ${quote(e.subject ?? name)} far more often: ${value}${usually}`;
    case 'pattern-missing':
      return `log line ${quote(e.subject ?? name)} is missing${usually}`;
    case 'sequence':
      return `unusual order of events: ${quote(e.subject ?? name)}`;
    case 'structure':
      return `unusual call path: ${e.subject ?? name}`;
    case 'zero':
      return `${name} fell to zero${usually}`;
    case 'flat-line':
      return `${name} has been stuck at ${value} since ${formatTime(e.onset)}`;
    case 'series-retired':
      return `${name} has ended`;
    case 'target-silent':
      return `no data from ${e.instance === '' ? e.service : e.instance} since ${formatTime(e.onset)}`;
    case 'pipeline-silent':
      return `no data from anything behind ${e.service} since ${formatTime(e.onset)}: the pipeline itself is probably down`;
    case 'oscillation':
      return `${name} swings unusually, now ${value}${usually}`;
    case 'variance-change':
      return `${name} varies unusually, now ${value}${usually}`;
    case 'ramp':
      return `${name} has been ${e.value >= e.expected ? 'rising' : 'falling'} since ${formatTime(e.onset)}, now ${value}${usually}`;
    case 'wrong-time':
      return `${name} ${value}, unusual at this time of day${usually}`;
    case 'correlation-break':
      return `${name} ${value} no longer moves with its neighbours${usually}`;
    default:
      return `${name} ${value}${usually}`;
  }
}

const STATE_WORDS: Partial<Record<AnomalyKind, string>> = {
  latency: 'is slow',
  errors: 'is failing',
  zero: 'stands still',
  'target-silent': 'is silent',
  'pipeline-silent': 'is silent',
  'series-retired': 'is gone',
  'new-pattern': 'shows something new',
  'pattern-burst': 'logs unusually much',
  'pattern-missing': 'stopped logging something usual',
  'flat-line': 'is stuck',
  structure: 'takes unusual paths',
  sequence: 'does things in an unusual order',
};

/** "is slow", "is failing", ...: latency and errors are told from the names of the signals as well as from the kind. */
export function stateWords(kind: AnomalyKind, evidence: readonly Evidence[]): string {
  const direct = STATE_WORDS[kind];
  if (direct !== undefined) return direct;
  const top = evidence.slice(0, 3);
  const named = (pattern: RegExp) => top.some((e) => e.value > e.expected && pattern.test(e.metric.toLowerCase()));
  if (named(/error|fail|exception|5xx/)) return 'is failing';
  if (named(/latency|duration|response_time|(^|[._])p(50|9\d+)$/)) return 'is slow';
  return 'behaves unusually';
}

/** "checkout is slow since 14:03: p99 of POST /pay 1.9 s (usually 80 to 120 ms); requests 3 /s (usually 40 to 60 /s)". */
export function anomalyText(anomaly: Anomaly): string {
  const shown = anomaly.evidence.slice(0, 2).map(textOf);
  const why = shown.length === 0 ? 'many of its signals are slightly unusual at once' : shown.join('; ');
  return `${anomaly.service} ${stateWords(anomaly.kind, anomaly.evidence)} since ${formatTime(anomaly.onset)}: ${why}`;
}

const textOf = (e: Evidence): string => (e.text === '' ? evidenceText(e) : e.text);

type Story = Pick<Incident, 'anomalies' | 'causes' | 'deploys' | 'services' | 'onset'>;

/** One line, no numbers that change every minute: "payments is slow, 3 more services affected". */
export function incidentTitle(story: Story): string {
  const cause = story.causes[0];
  const lead = (cause && story.anomalies.find((a) => a.service === cause.service)) ?? mainAnomaly(story);
  if (lead === undefined) return cause === undefined ? 'Unusual behaviour' : `${cause.service} behaves unusually`;
  const others = story.services.filter((s) => s !== lead.service);
  const effect = others.length === 0 ? '' : `, ${listOf(others)} affected`;
  return `${lead.service} ${stateWords(lead.kind, lead.evidence)}${effect}`;
}

function mainAnomaly(story: Story): Anomaly | undefined {
  return story.anomalies.toSorted((a, b) => a.p - b.p || a.onset - b.onset)[0];
}

/**
 * "checkout is slow since 14:03: p99 of POST /pay 1.9 s (usually 80 to 120 ms); likely cause: payments, its own time rose
 * first; payments deployed 1.4.2 2 min earlier."
 */
export function incidentSummary(story: Story): string {
  const main = mainAnomaly(story);
  const cause = story.causes[0];
  const parts: string[] = [];
  if (main !== undefined) parts.push(main.text === '' ? anomalyText(main) : main.text);
  if (cause !== undefined && (cause.service !== main?.service || cause.reasons.length > 0)) {
    const second = story.causes[1];
    const sure = cause.share >= 0.5 || second === undefined;
    const reasons = cause.reasons
      .filter((r) => r.kind !== 'deploy')
      .slice(0, 2)
      .map((r) => r.text);
    const why = reasons.length === 0 ? '' : `, ${reasons.join(', ')}`;
    parts.push(`likely cause: ${cause.service}${why}${sure || second === undefined ? '' : ` (or ${second.service})`}`);
  }
  const deploy = story.deploys.find((d) => d.service === cause?.service) ?? story.deploys[0];
  if (deploy !== undefined) {
    const gap = story.onset - deploy.at;
    const when = gap >= 0 ? `${formatSpan(gap)} earlier` : `${formatSpan(gap)} later`;
    parts.push(`${deploy.service} deployed ${deploy.to} ${when}`);
  }
  return parts.length === 0 ? '' : `${parts.join('; ')}.`;
}
