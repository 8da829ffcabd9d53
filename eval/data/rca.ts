import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTable, readBytes } from './csv.ts';
import { requireFolder } from './metric-sets.ts';

/** Metric series of one case: normal history, then the anomalous rows, on one gapless time axis. */
export interface RcaCase {
  readonly name: string;
  readonly stepMs: number;
  readonly series: readonly { readonly service: string; readonly metric: string; readonly value: Float64Array }[];
  /** Index of the first anomalous row. */
  readonly onset: number;
  /** Caller -> callee; empty when no graph is given. */
  readonly edges: readonly (readonly [string, string])[];
  /** The service that a person would page for, if given. */
  readonly target: string | null;
  readonly cause: string;
}

interface Frame {
  readonly names: readonly string[];
  readonly columns: ReadonlyMap<string, Float64Array>;
  readonly rows: number;
}

/** `headers` rows name a column together; the first column is the time and is left out. */
function readFrame(path: string, headers: number): Frame {
  const { header, rows } = parseTable(readBytes(path).toString());
  const extra = rows.slice(0, headers - 1);
  // After several header rows comes one that names the time column only.
  const data = rows.slice(headers === 1 ? 0 : headers);
  const columns = new Map<string, Float64Array>();
  for (let c = 1; c < header.length; c++) {
    const name = [header[c]!, ...extra.map((row) => row[c] ?? '')].join('|');
    columns.set(
      name,
      Float64Array.from(data, (row) => (row[c] === undefined || row[c] === '' ? Number.NaN : Number(row[c]))),
    );
  }
  return { names: [...columns.keys()], columns, rows: data.length };
}

function joined(normal: Frame, anomalous: Frame, name: string): Float64Array {
  const out = new Float64Array(normal.rows + anomalous.rows).fill(Number.NaN);
  const before = normal.columns.get(name);
  if (before !== undefined) out.set(before, 0);
  out.set(anomalous.columns.get(name)!, normal.rows);
  return out;
}

/** 30 cases: {carts, orders, payment} x {cpu, mem} x 5 runs at 1 s; the column before `_` is the service. */
export function readRcdSockshop(dataDir: string): RcaCase[] {
  const root = requireFolder(join(dataDir, 'rca/rcd-sockshop/sock-shop-data'));
  const cases: RcaCase[] = [];
  for (const fault of readdirSync(root)
    .filter((name) => /-(cpu|mem)$/.test(name))
    .sort()) {
    for (const run of readdirSync(join(root, fault)).sort()) {
      const normal = readFrame(join(root, fault, run, 'normal.csv.gz'), 1);
      const anomalous = readFrame(join(root, fault, run, 'anomalous.csv.gz'), 1);
      cases.push({
        name: `${fault}/${run}`,
        stepMs: 1000,
        series: anomalous.names.map((name) => ({
          service: name.slice(0, name.indexOf('_')),
          metric: name.slice(name.indexOf('_') + 1),
          value: joined(normal, anomalous, name),
        })),
        onset: normal.rows,
        edges: [],
        target: null,
        cause: fault.slice(0, fault.lastIndexOf('-')),
      });
    }
  }
  return cases;
}

/** 20 issues at 5 min; two traffic patterns come without fault-free rows and borrow those of the busy one. */
export function readPetshop(dataDir: string): RcaCase[] {
  const root = requireFolder(join(dataDir, 'rca/petshop/dataset'));
  const cases: RcaCase[] = [];
  for (const traffic of readdirSync(root).sort()) {
    const own = join(root, traffic, 'noissue');
    const history =
      readdirSync(join(root, traffic)).includes('noissue') && readdirSync(own).length > 0
        ? own
        : join(root, 'high_traffic/noissue');
    const normal = readFrame(join(history, 'metrics.csv.gz'), 3);
    const edges = readGraph(join(root, traffic, 'graph.csv'));
    for (const issue of readdirSync(join(root, traffic, 'train')).sort()) {
      const folder = join(root, traffic, 'train', issue);
      const anomalous = readFrame(join(folder, 'metrics.csv.gz'), 3);
      const about = JSON.parse(readFileSync(join(folder, 'target.json'), 'utf8')) as {
        target: { node: string };
        root_cause: { node: string };
      };
      cases.push({
        name: `${traffic}/${issue}`,
        stepMs: 300_000,
        series: anomalous.names.map((name) => {
          const [service, metric, statistic] = name.split('|');
          return { service: service!, metric: `${metric}.${statistic}`, value: joined(normal, anomalous, name) };
        }),
        onset: normal.rows,
        edges,
        target: about.target.node,
        cause: about.root_cause.node,
      });
    }
  }
  return cases;
}

/** Adjacency matrix with names in the first row and column: 1 where the row calls the column. */
function readGraph(path: string): [string, string][] {
  const { header, rows } = parseTable(readFileSync(path, 'utf8'));
  return rows.flatMap((row) =>
    header.flatMap((callee, c): [string, string][] => (c > 0 && Number(row[c]) > 0 ? [[row[0]!, callee]] : [])),
  );
}
