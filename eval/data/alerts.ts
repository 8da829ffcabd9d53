import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseTable, readBytes } from './csv.ts';
import { requireFolder } from './metric-sets.ts';

/** One alert of a stream, with the phase that it belongs to; null: of none. */
export interface StreamAlert {
  readonly at: number;
  readonly host: string;
  readonly name: string;
  readonly phase: string | null;
}

/** Time-stamped alerts of a network over days, in order of time (AIT alert data set). */
export function readAlertStream(dataDir: string, network: string): StreamAlert[] {
  const root = requireFolder(join(dataDir, 'alerts/ait-ads'));
  const lines = readBytes(join(root, `${network}_alerts.txt.gz`))
    .toString()
    .split('\n')
    .slice(1);
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      // Names hold commas: the time before them, five columns after.
      const first = line.indexOf(',');
      const columns = line.slice(first + 1).split(',');
      const [host, , label] = columns.slice(-4) as [string, string, string];
      return {
        at: Number(line.slice(0, first)) * 1_000,
        host,
        name: columns.slice(0, -5).join(','),
        phase: label === 'false_positive' ? null : label,
      };
    })
    .sort((a, b) => a.at - b.at);
}

/** One alert of a fault, about an entity (an instance, service or machine). */
export interface FaultAlert {
  readonly entity: string;
  readonly modality: 'metric' | 'log' | 'trace';
  /** Metric, template or operation. */
  readonly name: string;
  /** `up`, `down`, `PD` (slow), a status code, or empty. */
  readonly sign: string;
  /** For traces: who called. */
  readonly caller: string;
  /** Ms since the epoch; NaN where the set gives none. */
  readonly at: number;
}

export interface FaultCase {
  readonly name: string;
  readonly root: string;
  readonly alerts: readonly FaultAlert[];
  /** Caller and callee, of those that are known. */
  readonly edges: readonly (readonly [string, string])[];
}

const json = <T>(path: string): T => {
  const bytes = readBytes(path);
  return JSON.parse((path.endsWith('.gz') && bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString()) as T;
};
type ByCase<T> = Readonly<Record<string, T>>;

/** 489 faults of a shop with its instances (TVDiag): alerts without times, and who talks to whom. */
export function readTvdiagSockshop(dataDir: string): FaultCase[] {
  const root = requireFolder(join(dataDir, 'alerts/tvdiag/sockshop'));
  const nodes = json<ByCase<string[]>>(join(root, 'nodes.json.gz'));
  const metrics = json<ByCase<[string, string, string][]>>(join(root, 'metrics.json.gz'));
  const logs = json<ByCase<[string, string][]>>(join(root, 'logs.json.gz'));
  const traces = json<ByCase<[string, string, string, string][]>>(join(root, 'traces.json.gz'));
  const { header, rows } = parseTable(readBytes(join(root, 'label.csv.gz')).toString());
  const column = (row: readonly string[], name: string): string => row[header.indexOf(name)]!;
  return rows
    .filter((row) => row.length > 1)
    .map((row) => {
      const index = column(row, 'index');
      const known = new Set(nodes[index] ?? []);
      const calls = (traces[index] ?? []).map(([caller, callee]) => [caller, callee] as const);
      return {
        name: index,
        root: column(row, 'instance'),
        alerts: [
          ...(metrics[index] ?? []).map(([entity, name, sign]) => alertOf(entity, 'metric', name, sign)),
          ...(logs[index] ?? []).map(([entity, name]) => alertOf(entity, 'log', name, '')),
          ...(traces[index] ?? []).map(([caller, entity, name, sign]) => alertOf(entity, 'trace', name, sign, caller)),
        ],
        edges: calls.filter(([a, b]) => a !== b && known.has(a) && known.has(b)),
      };
    });
}

/** Faults of Online Boutique on one cluster, with the topology of services, pods and machines. */
export function readCloudbed(dataDir: string): FaultCase[] {
  const set = 'Online-Boutique-cloudbed-1';
  const root = requireFolder(join(dataDir, 'alerts/fault-alerts/fault-alerts', set));
  const metrics = json<ByCase<[string, string, string | null, string, string][]>>(join(root, 'metric/metrics.json.gz'));
  const logs = json<ByCase<[string, string][]>>(join(root, 'log/logs.json.gz'));
  const traces = json<ByCase<[string, string, string, string, string][]>>(join(root, 'trace/traces.json.gz'));
  const { header, rows } = parseTable(readBytes(join(root, 'label.csv.gz')).toString());
  const column = (row: readonly string[], name: string): string => row[header.indexOf(name)]!;
  return rows
    .filter((row) => row.length > 1)
    .map((row) => {
      const id = column(row, 'fault_id');
      const pairs = (traces[id] ?? []).map(([, caller, callee]) => [caller, callee] as const);
      return {
        name: id,
        root: column(row, 'fault_entity'),
        alerts: [
          ...(metrics[id] ?? []).map(([at, entity, , name, sign]) =>
            alertOf(entity, 'metric', name, sign, '', Number(at)),
          ),
          ...(logs[id] ?? []).map(([entity, name]) => alertOf(entity, 'log', name, '')),
          ...(traces[id] ?? []).map(([at, caller, entity, name, sign]) =>
            alertOf(entity, 'trace', name, sign, caller, Number(at)),
          ),
        ],
        edges: pairs.filter(([a, b]) => a !== b),
      };
    });
}

function alertOf(
  entity: string,
  modality: FaultAlert['modality'],
  name: string,
  sign: string,
  caller = '',
  at = Number.NaN,
): FaultAlert {
  return { entity, modality, name, sign, caller, at };
}
