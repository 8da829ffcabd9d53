import type { Evidence } from '../../domain/anomaly.ts';

/** What people call what a series measures, and what it says when it changes. */
export type SignalClass = 'latency' | 'errors' | 'resource' | 'traffic' | 'other';

export interface Signal {
  /** "p99", "requests/s", "CPU"; without the operation. */
  readonly name: string;
  readonly class: SignalClass;
  /** The name says the unit already: the value is shown as a bare number. */
  readonly bare: boolean;
}

type Facts = Pick<Evidence, 'metric' | 'labels'> & Partial<Pick<Evidence, 'subject' | 'modality'>>;

/** Names of the semantic conventions and of widespread exporters; the first that fits. Percentile and rate are told apart before. */
const KNOWN: readonly (readonly [pattern: RegExp, name: string, of: SignalClass, bare?: boolean])[] = [
  [/^span[._]self_time$/, 'own time p99', 'latency'],
  [/^span[._]error_ratio$/, 'failed calls', 'errors'],
  [/^edge[._]server_time$/, 'time', 'latency'],
  [/^edge[._]gap$/, 'network and queueing time', 'latency'],
  [/^log[._]rate$/, 'log lines/s', 'other', true],
  [/^log[._]error_rate$/, 'error lines/s', 'errors', true],
  [/^log[._](template_rate|rarity|counts)$/, 'log lines', 'other', true],
  [/^log[._]sequence$/, 'log line order', 'other', true],
  [/^log[._]parameter$/, 'number in log line', 'other', true],
  [/^span[._]structure$/, 'calls', 'other', true],
  // They pile up wherever something is slow: a consequence, not a resource that ran out.
  [/active_requests|in_?flight/, 'requests in flight', 'other', true],
  [/cpu.*throttl/, 'CPU throttling', 'resource'],
  [/(^|[._])(cpu|process_cpu)([._]|$)/, 'CPU', 'resource'],
  [/^(jvm|process[._]runtime).*gc|gc[._](pause|duration)/, 'garbage collection', 'resource'],
  [/^(jvm|process[._]runtime|go|nodejs).*(memory|heap|mem_)/, 'heap', 'resource'],
  [/memory|working_set|(^|[._])rss([._]|$)/, 'memory', 'resource'],
  [/thread/, 'threads', 'resource', true],
  [/connection.*(usage|use|active|count|pool)|pool.*connection/, 'connections', 'resource', true],
  [/queue.*(length|size|depth)|backlog|consumer[._]lag|[._]lag$/, 'queue', 'resource'],
  [/file_descriptor|open_fds|file_handles/, 'open files', 'resource', true],
  [/disk.*(io|read|write)|(^|[._])fs[._].*(read|write)/, 'disk traffic', 'resource'],
  [/disk|filesystem/, 'disk', 'resource'],
  [/network.*(drop|error)/, 'network errors', 'errors'],
  [/network.*(receive|rx|in)([._]|$)/, 'network in', 'traffic'],
  [/network.*(transmit|tx|out)([._]|$)/, 'network out', 'traffic'],
  [/network/, 'network traffic', 'traffic'],
];
const DURATION =
  /duration|latency|(response|request|processing|elapsed|operation|query)[._]?time|_(seconds|milliseconds)$/;
const FAILURE = /error|fail|exception|5xx|reject|timeout|dropped/;
const REQUESTS = /request|call|query|rpc|http|span|message|operation/;
const PART = /^(.*?)[._]?(p\d{2,3}|mean|rate)$/;
const STATUS_KEYS = ['http.response.status_code', 'http.status_code', 'status_code', 'code', 'status'];
const OPERATION_KEYS = [
  'operation',
  'span.name',
  'http.route',
  'url.template',
  'rpc.method',
  'messaging.destination.name',
  'db.operation.name',
  'route',
  'handler',
  'endpoint',
];

/** "POST /checkout", "Charge"; empty when the series is not of one operation. */
export function operationOf({ labels, subject }: Facts): string {
  const key = OPERATION_KEYS.find((name) => labels[name] !== undefined);
  const operation = subject ?? (key === undefined ? '' : (labels[key] ?? ''));
  const method = labels['http.request.method'] ?? labels['http.method'] ?? '';
  return method !== '' && operation.startsWith('/') ? `${method} ${operation}` : operation;
}

/** The answer's status of 400 and above, else empty. */
function failedStatus(labels: Evidence['labels']): string {
  const status = STATUS_KEYS.map((key) => labels[key] ?? '').find((value) => value !== '') ?? '';
  return /^[45]\d\d$/.test(status) ? status : '';
}

export function signalOf(facts: Facts): Signal {
  const metric = facts.metric.toLowerCase();
  const status = failedStatus(facts.labels);
  const [, base = metric, part = quantileOf(facts.labels['quantile'])] = PART.exec(metric) ?? [];
  if (part !== '' && (base === 'span' || DURATION.test(base))) {
    if (part === 'rate') {
      if (status !== '') return { name: `${status} answers/s`, class: 'errors', bare: true };
      const name = base === 'span' || REQUESTS.test(base) ? 'requests/s' : 'events/s';
      return { name, class: 'traffic', bare: true };
    }
    const name = part === 'mean' ? 'mean time' : part;
    return { name: status === '' ? name : `${name} of ${status} answers`, class: 'latency', bare: false };
  }
  const exact = KNOWN.find(([pattern]) => pattern.test(metric));
  const known = exact ?? KNOWN.find(([pattern]) => pattern.test(base));
  if (known !== undefined) {
    const [, name, of, bare = false] = known;
    return { name: /^(p\d+|mean)$/.test(part) ? `${part} of ${name}` : name, class: of, bare };
  }
  if (DURATION.test(metric) && !metric.endsWith('_total'))
    return { name: plainName(metric), class: 'latency', bare: false };
  if (status !== '' && REQUESTS.test(metric)) return { name: `${status} answers`, class: 'errors', bare: false };
  if (FAILURE.test(metric)) return { name: plainName(metric), class: 'errors', bare: false };
  if (/^p\d{2,3}$/.test(part)) return { name: `${part} of ${base}`, class: 'other', bare: false };
  const traffic = REQUESTS.test(metric) && (part === 'rate' || /total$|count$|requests$/.test(metric));
  return { name: plainName(metric), class: traffic ? 'traffic' : 'other', bare: false };
}

/** A name that no table knows, as it is but for what only machines need. */
const plainName = (metric: string): string =>
  metric.replace(/_(total|seconds|milliseconds|bytes)$/, '').replaceAll('_', ' ');

function quantileOf(value: string | undefined): string {
  const q = value === undefined ? Number.NaN : Number(value);
  return q > 0 && q < 1 ? `p${String(Math.round(q * 1000) / 10).replace('.', '')}` : '';
}

/** Fewer errors than usual: true and unusual, but no reason to wake anybody, nor the cause of anything. */
export function isGoodNews(e: Pick<Evidence, 'metric' | 'labels' | 'kind' | 'value' | 'expected'>): boolean {
  if (signalOf(e).class !== 'errors') return false;
  return e.kind === 'zero' || e.kind === 'dip' || e.kind === 'series-retired' || e.value < e.expected;
}
