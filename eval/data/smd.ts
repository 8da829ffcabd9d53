import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseColumns, readBytes } from './csv.ts';
import { requireFolder, runsOf } from './metric-sets.ts';

/** A server of SMD: its metrics over the unlabelled half and then the labelled one, a column each. */
export interface Machine {
  readonly id: string;
  /** Rows of the unlabelled half. */
  readonly train: number;
  readonly columns: readonly Float64Array[];
  /** Of the labelled half. */
  readonly label: Uint8Array;
  /** Inclusive rows of the labelled half, and the metrics (from 0) that the owners blame. */
  readonly events: readonly { readonly from: number; readonly to: number; readonly blamed: ReadonlySet<number> }[];
}

const METRICS = 38;

/** @throws MissingData naming what is absent. */
export function readMachines(dataDir: string): Machine[] {
  const folder = requireFolder(join(dataDir, 'metrics', 'smd'));
  const ids = readdirSync(folder)
    .filter((file) => file.endsWith('.test.csv.gz'))
    .map((file) => file.slice(0, -'.test.csv.gz'.length))
    .sort();
  return ids.map((id) => {
    const before = parseColumns(readBytes(join(folder, `${id}.train.csv.gz`)), METRICS + 1);
    const after = parseColumns(readBytes(join(folder, `${id}.test.csv.gz`)), METRICS + 2);
    const label = Uint8Array.from(after[METRICS + 1]!);
    const blamed = readFileSync(join(folder, 'interpretation_label', `${id}.txt`), 'utf8')
      .split('\n')
      .filter((line) => line.includes(':'))
      .map((line) => {
        const [range, dims] = line.split(':') as [string, string];
        return { from: Number(range.split('-')[0]), dims: dims.split(',').map((text) => Number(text) - 1) };
      });
    return {
      id,
      train: before[0]!.length,
      columns: Array.from({ length: METRICS }, (_, m) => Float64Array.from([...before[m + 1]!, ...after[m + 1]!])),
      label,
      events: runsOf(label).map(([from, to]) => {
        // The owners count from 0 or 1 and end in or behind the last row: the nearest start is meant.
        const near = blamed.filter((line) => Math.abs(line.from - from) <= 3).flatMap((line) => line.dims);
        return { from, to, blamed: new Set(near) };
      }),
    };
  });
}

/** Published VUS-PR by method and machine (TSB-AD-M). */
export function readPublished(dataDir: string): {
  readonly machines: readonly string[];
  readonly methods: ReadonlyMap<string, readonly number[]>;
} {
  const text = readFileSync(join(dataDir, 'metrics', 'smd', 'published-vus-pr-tsb-ad-m.csv'), 'utf8').trim();
  const [header, ...rows] = text.split('\n').map((line) => line.split(','));
  const methods = new Map<string, number[]>();
  for (let c = 2; c < header!.indexOf('ts_len'); c++)
    methods.set(
      header![c]!,
      rows.map((row) => Number(row[c])),
    );
  return { machines: rows.map((row) => row[1]!), methods };
}
