import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { LogRecord, Sender } from '../send/otlp-encode.ts';
import { parseUtcSeconds, readBytes } from './csv.ts';
import { requireFolder } from './metric-sets.ts';
import { parseQuoted } from './quoted-csv.ts';

export interface HdfsStream {
  readonly logs: readonly LogRecord[];
  /** Block -> anomalous. */
  readonly labels: ReadonlyMap<string, boolean>;
  /** Trace id sent with the lines of a block -> block. */
  readonly blockOf: ReadonlyMap<string, string>;
}

/** The raw stream in time order. The block a line belongs to travels as its trace id, as a request id would. */
export function readHdfs(dataDir: string): HdfsStream {
  const folder = requireFolder(join(dataDir, 'logs/hdfs-2pct'));
  const sender: Sender = { service: 'hdfs', pod: '', host: '' };
  const blockOf = new Map<string, string>();
  const [, ...rows] = parseQuoted(readBytes(join(folder, 'events.csv.gz')).toString());
  const logs = rows
    .filter((row) => row.length >= 5)
    .map(([time, level, , block, message]): LogRecord => {
      const traceId = createHash('sha256').update(block!).digest('hex').slice(0, 32);
      blockOf.set(traceId, block!);
      const severity = level === 'ERROR' || level === 'FATAL' ? 17 : level === 'WARN' ? 13 : 9;
      return {
        sender,
        at: BigInt(parseUtcSeconds(time!) * 1000) * 1_000_000n,
        severity,
        body: message!,
        traceId,
        spanId: '',
      };
    });
  const [, ...labelled] = parseQuoted(readBytes(join(folder, 'labels.csv.gz')).toString());
  return {
    logs,
    labels: new Map(labelled.filter((row) => row.length >= 2).map(([block, anomaly]) => [block!, anomaly === '1'])),
    blockOf,
  };
}
