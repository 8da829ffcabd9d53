export interface Figure {
  readonly value: number;
  readonly note: string;
  /** Minute it was measured in, UTC. */
  readonly at: string;
  /** Load average of the machine before. */
  readonly load: number;
}

interface Bar {
  readonly what: string;
  readonly unit: string;
  readonly bar: number;
  readonly best: 'high' | 'low';
  readonly bench: string;
}

/** What the project promises of speed and memory, in the order of the table. */
export const BARS: Readonly<Record<string, Bar>> = {
  'bytes-to-p': {
    what: 'protobuf bytes to p-values, one core, 1 M series, CPU time',
    unit: 'M points/s',
    bar: 5,
    best: 'high',
    bench: 'pipeline',
  },
  'library-ratio': {
    what: 'the same against protobufjs, a Map and one EWMA in the same run',
    unit: 'times',
    bar: 30,
    best: 'high',
    bench: 'pipeline',
  },
  'http-plain': {
    what: 'HTTP end to end with the load generator on the same cores, plain',
    unit: 'M points/s',
    bar: 2.5,
    best: 'high',
    bench: 'http',
  },
  'http-gzip': { what: 'the same, gzip', unit: 'M points/s', bar: 1.5, best: 'high', bench: 'http' },
  'logs-to-p': {
    what: 'log bytes to template and p-value, one core, CPU time',
    unit: 'M lines/s',
    bar: 3,
    best: 'high',
    bench: 'logs',
  },
  'spans-to-p': {
    what: 'span bytes to RED, edges and p-value, one core, CPU time',
    unit: 'M spans/s',
    bar: 2.5,
    best: 'high',
    bench: 'spans',
  },
  lstm: {
    what: 'LSTM forecaster, a step a sample with normalising and scoring, one core, CPU time',
    unit: 'M steps/s',
    bar: 1.5,
    best: 'high',
    bench: 'lstm',
  },
  'forest-32': {
    what: 'isolation forest, 32 trees x 8 levels x 4 values, one core, CPU time',
    unit: 'M scores/s',
    bar: 2.34,
    best: 'high',
    bench: 'models',
  },
  'forest-50': {
    what: 'the same, 50 trees x 8 levels x 8 values',
    unit: 'M scores/s',
    bar: 1.35,
    best: 'high',
    bench: 'models',
  },
  gateway: {
    what: 'gateway: OTLP bytes to compressed records of the bus, one core, CPU time',
    unit: 'M points/s',
    bar: 2,
    best: 'high',
    bench: 'cluster',
  },
  'worker-share': {
    what: 'worker: compressed records to p-values, against an embedded shard in the same run',
    unit: 'times',
    bar: 0.7,
    best: 'high',
    bench: 'cluster',
  },
  'bus-bytes': { what: 'bytes on the bus, lz4', unit: 'bytes a point', bar: 10, best: 'low', bench: 'cluster' },
  memory: {
    what: 'memory at 1 M live series, resident, all in',
    unit: 'bytes a series',
    bar: 1200,
    best: 'low',
    bench: 'memory',
  },
  'latency-p99': { what: 'receipt to score at 1 M points/s, p99', unit: 'ms', bar: 5, best: 'low', bench: 'latency' },
  storm: {
    what: 'incidents of one outage: 10,000 strange series of 200 services at once',
    unit: 'incidents',
    bar: 3,
    best: 'low',
    bench: 'alerting',
  },
  'notify-p99': {
    what: 'decision to notification handed over, 1,000 incidents a minute in bursts, p99',
    unit: 's',
    bar: 1,
    best: 'low',
    bench: 'alerting',
  },
  'suppression-match': {
    what: 'an incident against 10,000 silences and maintenance windows of a month, CPU time',
    unit: 'us',
    bar: 50,
    best: 'low',
    bench: 'alerting',
  },
  restart: {
    what: 'restart with 1 M series and a pass of all of them in the log',
    unit: 's',
    bar: 10,
    best: 'low',
    bench: 'restart',
  },
};

/** The table of `bench/results.md`. */
export function renderResults(figures: Readonly<Record<string, Figure>>, machine: string): string {
  const rows = Object.entries(BARS).map(([name, bar]) => {
    const figure = figures[name];
    const limit = `${bar.best === 'high' ? '≥' : '≤'} ${bar.bar} ${bar.unit}`;
    if (figure === undefined) return `| ${bar.what} | ${limit} | not measured | | \`tocsin bench ${bar.bench}\` |`;
    const verdict = verdictOf(bar, figure.value);
    const note = figure.note === '' ? '' : ` (${figure.note})`;
    return `| ${bar.what} | ${limit} | ${digits(figure.value)} ${bar.unit}${note} | ${verdict} | \`tocsin bench ${bar.bench}\`, ${figure.at}, load ${figure.load.toFixed(1)} |`;
  });
  return `# Speed and memory

Written by \`tocsin bench\` (\`node bench/main.ts\`): do not edit. Machine: ${machine}.

Figures by CPU time leave out what neighbours on the machine take, but not what they do to its caches; figures by wall time (HTTP, latency, restart) suffer from both. The
load average beside a figure says how quiet the machine was: above the number of cores, somebody else was working. What a library reaches is measured in the same run.

| what | bar | measured | verdict | command, when, load |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function verdictOf({ bar, best }: Bar, value: number): string {
  const ratio = best === 'high' ? value / bar : bar / value;
  if (ratio >= 1) return 'met';
  return best === 'high'
    ? `missed: ${(ratio * 100).toFixed(0)} % of the bar`
    : `missed: ${(value / bar).toFixed(2)} times the bar`;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
