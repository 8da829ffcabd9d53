import protobuf from 'protobufjs';
import type { SignalSink } from '../src/domain/ports.ts';
import type { LogBatch } from '../src/domain/signal/batch.ts';
import { createLogTemplates } from '../src/features/log-template/log-template.ts';
import { createOtlpDecoders } from '../src/ingest/otlp/json.ts';
import { OTLP_PROTO } from '../src/ingest/otlp/otlp.fixture.ts';
import { ResourceCache } from '../src/ingest/otlp/resource.ts';
import { ShardSeriesTable } from '../src/ingest/series/series-table.ts';
import { DerivedPoints } from '../src/pipeline/engine/derived-points.ts';
import { LogPath } from '../src/pipeline/engine/log-path.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';
import { reportBar } from './measure.ts';
import { logsPayloads } from './payload.ts';

/**
 * OTLP log bodies to template ids, and through the engine's `LogPath` to p-values, the cost of a tick spread over its lines, against a protobuf
 * library with a masked string key and a Map. CPU time, one thread, all in one run. `node bench/logs.ts [lines]`.
 */
const LINES = Number(process.argv[2] ?? 100_000);
const ROUNDS = 7;
const text = new TextDecoder();
const decodeText = (bytes: Uint8Array): string => text.decode(bytes);

const templates = createLogTemplates(decodeText);
const ids = new Int32Array(65_536);
const table = new ShardSeriesTable();
const path = new LogPath(decodeText, settingsSchema.parse({}));
const derived = new DerivedPoints(table, 'log');
const names = (service: number): string => `service ${service}`;

let lines = 0;
let onLogs: (batch: LogBatch) => void = () => undefined;
const ignore = (): undefined => undefined;
const sink: SignalSink = {
  points: ignore,
  histograms: ignore,
  logs: (batch) => onLogs(batch),
  spans: ignore,
  deploy: ignore,
  stale: ignore,
};
const { protobuf: ours } = createOtlpDecoders(new ResourceCache(table));
const bodies = logsPayloads({ items: LINES });

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Median of millions of lines per CPU second. */
function measure(rounds: number, run: () => void): number {
  const rates: number[] = [];
  for (let r = 0; r < rounds; r += 1) {
    lines = 0;
    const before = cpuSeconds();
    run();
    rates.push(lines / (cpuSeconds() - before) / 1e6);
  }
  return rates.sort((a, b) => a - b)[rounds >> 1] as number;
}

const all = (passes: number): void => {
  for (let k = 0; k < passes; k += 1) for (const body of bodies) ours.logs.decode(body, 'default', sink);
};
const toTemplates = (batch: LogBatch): void => {
  templates.assign(batch, ids);
  lines += batch.length;
};
onLogs = toTemplates;
all(2);
const decoded = measure(ROUNDS, () => {
  onLogs = (batch) => {
    lines += batch.length;
  };
  all(5);
});
const templated = measure(ROUNDS, () => {
  onLogs = toTemplates;
  all(5);
});
// The first 2000 lines of a service without a trace id are studied for ids that name a session: once, not for ever.
onLogs = (batch) => path.observe(batch);
all(25);
let at = 1_700_000_000_000;
let findings = 0;
const judged = measure(ROUNDS, () => {
  onLogs = (batch) => {
    path.observe(batch);
    lines += batch.length;
  };
  // One tick in 500,000 lines (10 s of a shard at 50,000 lines a second): its cost is spread over them.
  all(5);
  at += 10_000;
  derived.begin();
  findings += path.closeTick(at, 10_000, names, derived).length;
});

const Request = protobuf.parse(OTLP_PROTO).root.lookupType('otlp.ExportLogsServiceRequest');
interface Decoded {
  resourceLogs: { scopeLogs: { logRecords: { body: { stringValue: string } }[] }[] }[];
}
const known = new Map<string, number>();
const sample = bodies.slice(0, 30);
const library = measure(3, () => {
  for (const body of sample) {
    for (const group of (Request.decode(body) as unknown as Decoded).resourceLogs) {
      for (const scope of group.scopeLogs) {
        for (const record of scope.logRecords) {
          const key = record.body.stringValue
            .split(/\s+/u)
            .map((token) => (/[0-9]/u.test(token) ? '<*>' : token))
            .join(' ');
          known.set(key, (known.get(key) ?? 0) + 1);
          lines += 1;
        }
      }
    }
  }
});
const bytes = bodies.reduce((sum, body) => sum + body.length, 0) / LINES;
console.log(`logs, ${bytes.toFixed(0)} B a record, ${templates.live} templates, M lines/s/core (CPU time):`);
console.log(`  decode                        ${decoded.toFixed(2)}`);
console.log(
  `  bytes -> template             ${templated.toFixed(2)}  (bar 3; ${(templated / library).toFixed(0)}x the library)`,
);
console.log(`  bytes -> template -> p        ${judged.toFixed(2)}  (bar 3, LogPath with ticks; ${findings} findings)`);
console.log(`  protobufjs + masked key + Map ${library.toFixed(2)}`);
reportBar(
  'logs-to-p',
  judged,
  `${templated.toFixed(2)} to templates; ${(templated / library).toFixed(0)} times protobufjs with a masked key`,
);
