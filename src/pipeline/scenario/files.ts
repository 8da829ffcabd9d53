import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ConfigError } from '../../config/load.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { LoadedScenario } from './load.ts';
import { type RecordedRequest, readRecorded } from './recorded.ts';

const LARGEST_FILE = 2 * 1024 ** 3;

export interface CsvSample {
  /** Position in the scenario's list of CSV files. */
  readonly source: number;
  readonly at: EpochMs;
  readonly metric: string;
  readonly value: number;
}

export interface FileSignals {
  readonly requests: readonly RecordedRequest[];
  readonly samples: readonly CsvSample[];
  /** Oldest time in any of them; +Infinity without files. */
  readonly first: EpochMs;
}

/** Reads the files that a scenario names; relative paths start at the scenario. @throws ConfigError naming the key. */
export function readFiles({ file, scenario, lineOf }: LoadedScenario): FileSignals {
  const refuse = (path: readonly PropertyKey[], message: string): never => {
    throw new ConfigError([{ file, line: lineOf(path), path: path.join('.'), message }]);
  };
  const find = (name: string, path: readonly PropertyKey[]): string => {
    const full = isAbsolute(name) ? name : join(dirname(file), name);
    return existsSync(full) ? full : refuse(path, `cannot read ${name}`);
  };
  const requests = scenario.replay
    .flatMap((name, i) => {
      const read = readRecorded(find(name, ['replay', i]), undefined, 0);
      if (read.length === 0 || read.some((request) => request.at === 0))
        refuse(['replay', i], `${name} holds no OTLP/JSON with times`);
      return read;
    })
    .sort((a, b) => a.at - b.at);
  const samples = scenario.csv.flatMap((csv, source): CsvSample[] => {
    const path = ['csv', source];
    const full = find(csv.file, [...path, 'file']);
    const raw = readFileSync(full);
    const [head = '', ...lines] = (full.endsWith('.gz') ? gunzipSync(raw, { maxOutputLength: LARGEST_FILE }) : raw)
      .toString('utf8')
      .split(/\r?\n/);
    const header = head.split(',').map((cell) => cell.trim());
    const column = (name: string, key: string): number => {
      const at = header.indexOf(name);
      return at >= 0
        ? at
        : refuse([...path, key], `${csv.file} has no column '${name}'; there are ${header.join(', ')}`);
    };
    const time = column(csv.time, 'time');
    const metrics = Object.entries(csv.metrics).map(([name, metric]) => ({ metric, at: column(name, 'metrics') }));
    return lines.flatMap((line, i) => {
      if (line.trim() === '') return [];
      const cells = line.split(',');
      const at = timeOf(cells[time] ?? '');
      if (!Number.isFinite(at)) refuse([...path, 'time'], `${csv.file}, line ${i + 2}: '${cells[time]}' is not a time`);
      return metrics
        .map(({ metric, at: cell }) => ({
          source,
          at,
          metric,
          value: cells[cell]?.trim() ? Number(cells[cell]) : Number.NaN,
        }))
        .filter(({ value }) => Number.isFinite(value));
    });
  });
  return {
    requests,
    samples,
    first: Math.min(
      requests[0]?.at ?? Number.POSITIVE_INFINITY,
      samples.reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY),
    ),
  };
}

/** Seconds or ms since the epoch, ISO 8601, or `2014-04-01 00:00:00` read as UTC. */
function timeOf(cell: string): EpochMs {
  const text = cell.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) < 1e11 ? Number(text) * 1_000 : Number(text);
  return Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
}
