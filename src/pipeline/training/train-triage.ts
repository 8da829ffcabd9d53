import { stableId } from '../../domain/identity.ts';
import type { ModelStore } from '../../domain/learning/model.ts';
import type { ControlStore } from '../../domain/ports.ts';
import type { VerdictKind } from '../../domain/verdict.ts';
import { TRIAGE_COLUMNS, TRIAGE_FEATURES_VERSION } from '../../learn/triage/features.ts';
import type { Table } from '../../learn/triage/table.ts';
import { TRIAGE, type TriageOptions, trainTriage } from '../../learn/triage/triage.ts';
import type { TrainingResult } from './train-lstm.ts';

/** Worth a page or not: `expected` and `new-normal` were changes, but nobody wants to be woken for them again. */
export const isReal = (kind: VerdictKind): boolean => kind === 'real';

/** Verdicts with what triage saw when their incidents opened, in order of opening. */
export interface Labelled {
  readonly table: Table;
  readonly from: number;
  readonly to: number;
  readonly fingerprint: string;
}

/** Joins examples with the last verdict on each incident. */
export async function labelledExamples(control: Pick<ControlStore, 'verdicts'>, models: ModelStore): Promise<Labelled> {
  const latest = new Map<string, { readonly at: number; readonly real: boolean }>();
  for (const { subject, subjectId, kind, at } of await control.verdicts({})) {
    if (subject !== 'incident') continue;
    if (at >= (latest.get(subjectId)?.at ?? Number.NEGATIVE_INFINITY))
      latest.set(subjectId, { at, real: isReal(kind) });
  }
  const examples = (await models.examples(TRIAGE_FEATURES_VERSION)).filter(
    ({ incident, values }) => latest.has(incident) && values.length === TRIAGE_COLUMNS,
  );
  const labels = Uint8Array.from(examples, ({ incident }) => (latest.get(incident)!.real ? 1 : 0));
  return {
    table: {
      rows: examples.length,
      columns: TRIAGE_COLUMNS,
      values: Float32Array.from(examples.flatMap(({ values }) => values.map((value) => value ?? Number.NaN))),
      labels,
    },
    from: examples[0]?.openedAt ?? 0,
    to: examples.at(-1)?.openedAt ?? 0,
    fingerprint: stableId('verdicts', ...examples.map(({ incident }, i) => `${incident} ${labels[i]}`)),
  };
}

/** @throws TocsinError `invalid_request` with too few verdicts. */
export function runTriageTraining(labelled: Labelled, options: Readonly<Record<string, unknown>>): TrainingResult {
  const data = trainTriage(labelled.table, { ...TRIAGE, ...options } as TriageOptions);
  const report = data.report!;
  return {
    artefact: new TextEncoder().encode(JSON.stringify(data)),
    data: {
      from: labelled.from,
      to: labelled.to,
      items: labelled.table.rows,
      samples: labelled.table.rows,
      validatedFrom: null,
      fingerprint: labelled.fingerprint,
    },
    metrics: {
      active: data.active ? 1 : 0,
      labels: report.labels,
      real: report.real,
      auc: report.auc,
      'auc without labels': report.aucUnsupervised,
      'false alarms held back': report.removed,
      'held back without labels': report.removedUnsupervised,
      'gain in auc, 5th percentile': report.gainLow,
      brier: report.brier,
      ece: report.ece,
    },
  };
}
