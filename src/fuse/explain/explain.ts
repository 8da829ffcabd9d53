import type { Evidence } from '../../domain/anomaly.ts';
import { formatRange, formatTime, formatValue } from './format.ts';
import { operationOf, signalOf } from './signal-names.ts';

/** The sentences that people read. Pure functions of what was found; nothing here decides anything. */

type EvidenceFacts = Omit<Evidence, 'text' | 'contributions'>;

/** What the evidence measures: "p99 of POST /pay", "CPU", "time for checkout". */
export function signalName(e: Omit<EvidenceFacts, 'at'>): string {
  const { name } = signalOf(e);
  const caller = e.labels['caller'] ?? '';
  if (e.metric.startsWith('edge.') && caller !== '') return `${name} for ${caller}`;
  const operation = e.modality === 'log' ? '' : operationOf(e);
  return operation === '' ? name : `${name} of ${operation}`;
}

const quote = (text: string): string => `"${text.length > 120 ? `${text.slice(0, 117)}...` : text}"`;

/** "p99 of POST /pay 1.9 s, usually 80 to 120 ms". */
export function evidenceText(e: EvidenceFacts): string {
  const name = signalName(e);
  const unit = signalOf(e).bare ? '' : e.unit;
  const value = formatValue(e.value, unit, e.metric);
  const band = formatRange(e.lower, e.upper, unit, e.metric);
  const expected = Number.isFinite(e.expected) ? `around ${formatValue(e.expected, unit, e.metric)}` : '';
  const usual = band !== '' ? band : expected;
  const usually = usual === '' ? '' : `, usually ${usual}`;
  // Far outside is what people see first; how it got there is the finer point.
  const outside = e.value > e.upper || e.value < e.lower;
  if (outside && (e.kind === 'oscillation' || e.kind === 'variance-change')) return `${name} ${value}${usually}`;
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
