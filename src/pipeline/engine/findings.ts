import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { SampleReason } from '../../fuse/series-scores.ts';

/** The strangest sample of a series in the open tick, and why it is strange. */
export interface Finding {
  readonly at: EpochMs;
  readonly surprise: number;
  readonly value: number;
  readonly expected: number;
  readonly lower: number;
  readonly upper: number;
  readonly reason: SampleReason;
}
/** By series index. */
export type Findings = Map<number, Finding>;

const VERSION = 1;
const COLUMNS = ['at', 'surprise', 'value', 'expected', 'lower', 'upper'] as const;

/** Part of a snapshot, which may fall anywhere in a tick. Numbers go to columns, since JSON has no NaN. */
export function saveFindings(findings: Findings): StateBlob {
  const all = [...findings.values()];
  const columns = COLUMNS.map((name) => [name, Float64Array.from(all, (finding) => finding[name])] as const);
  return {
    version: VERSION,
    arrays: { series: Int32Array.from(findings.keys()), ...Object.fromEntries(columns) },
    meta: all.map((finding) => finding.reason),
  };
}

/** @throws TocsinError `state_version` for a version it cannot read. */
export function restoreFindings({ version, arrays, meta }: StateBlob): Findings {
  if (version !== VERSION) throw new TocsinError('state_version', `findings state version ${version}`);
  const findings: Findings = new Map();
  (meta as readonly SampleReason[]).forEach((reason, i) => {
    const of = (name: (typeof COLUMNS)[number]): number => arrays[name]![i]!;
    findings.set(arrays['series']![i]!, {
      at: of('at'),
      surprise: of('surprise'),
      value: of('value'),
      expected: of('expected'),
      lower: of('lower'),
      upper: of('upper'),
      reason,
    });
  });
  return findings;
}
