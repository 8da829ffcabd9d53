import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseColumns, readBytes } from './csv.ts';

/** One labelled series. Only `time` and `value` ever reach the product. */
export interface LabelledSeries {
  readonly set: string;
  readonly id: string;
  readonly stepMs: number;
  /** Event time in ms, one per row, as in the file. */
  readonly time: Float64Array;
  readonly value: Float64Array;
  readonly label: Uint8Array;
  /** Inclusive index ranges of the labelled windows (NAB), else the runs of label 1. */
  readonly windows: readonly (readonly [number, number])[];
}

interface ManifestEntry {
  readonly set: string;
  readonly id: string;
  readonly path: string;
  readonly kind: string;
  readonly step_s: number | null;
}

export class MissingData extends Error {}

/** @throws MissingData naming what is absent. */
export function requireFolder(path: string): string {
  if (!existsSync(path)) throw new MissingData(`no data at ${path} (pass --data DIR; see eval/README.md)`);
  return path;
}

function manifest(dataDir: string): readonly ManifestEntry[] {
  const folder = requireFolder(join(dataDir, 'metrics'));
  const parsed = JSON.parse(readFileSync(requireFolder(join(folder, 'manifest.json')), 'utf8')) as {
    series: ManifestEntry[];
  };
  return parsed.series;
}

/** Every series of a univariate set (`nab`, `kpi-train`, `msft-cloud-monitoring`), in manifest order. */
export function readMetricSet(dataDir: string, set: string): readonly LabelledSeries[] {
  const entries = manifest(dataDir).filter((entry) => entry.set === set && entry.kind === 'univariate');
  if (entries.length === 0) throw new MissingData(`metrics/manifest.json lists no series of set ${set}`);
  const windows = set === 'nab' ? nabWindows(dataDir) : null;
  return entries.map((entry) => {
    const bytes = readBytes(requireFolder(join(dataDir, 'metrics', entry.path)));
    const columns = parseColumns(bytes, windows === null ? 3 : 2);
    const time = columns[0]!.map((seconds) => seconds * 1000);
    const value = columns[1]!;
    const label = windows === null ? Uint8Array.from(columns[2]!) : new Uint8Array(time.length);
    const ranges =
      windows === null ? runsOf(label) : (windows[entry.id] ?? []).map((w) => toIndices(time, w, entry.id));
    if (windows !== null) for (const [from, to] of ranges) label.fill(1, from, to + 1);
    return { set, id: entry.id, stepMs: (entry.step_s ?? 60) * 1000, time, value, label, windows: ranges };
  });
}

function nabWindows(dataDir: string): Record<string, [string, string][]> {
  return JSON.parse(readFileSync(join(dataDir, 'metrics/nab/labels/combined_windows.json'), 'utf8')) as Record<
    string,
    [string, string][]
  >;
}

function toIndices(time: Float64Array, window: readonly [string, string], id: string): readonly [number, number] {
  const [from, to] = window.map((text) => time.indexOf(Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`))) as [
    number,
    number,
  ];
  if (from < 0 || to < from) throw new Error(`NAB window ${window.join(' .. ')} is not in ${id}`);
  return [from, to];
}

/** Runs of label 1 as inclusive index ranges. */
export function runsOf(label: Uint8Array): [number, number][] {
  const runs: [number, number][] = [];
  for (let i = 0; i < label.length; i++) {
    if (label[i] === 0) continue;
    const from = i;
    while (i + 1 < label.length && label[i + 1] !== 0) i++;
    runs.push([from, i]);
  }
  return runs;
}
