import { TocsinError } from '../../domain/error.ts';
import { MODEL_FORMATS, type ModelFormat, type ModelRecord } from '../../domain/learning/model.ts';
import { nameOf } from '../../learn/registry/registry.ts';
import { TRIAGE_COLUMNS, TRIAGE_FEATURES_VERSION } from '../../learn/triage/features.ts';
import { createTriage, type TriageData } from '../../learn/triage/triage.ts';
import { readXgboost } from '../../learn/triage/xgboost.ts';
import { lstmNetwork } from '../../stats/lstm/network.ts';
import { unpackModel } from '../../store/models/bundle.ts';
import { networkOf } from './train-lstm.ts';

type Imported = Pick<ModelRecord, 'name' | 'format' | 'data' | 'config' | 'code' | 'metrics' | 'parents'> & {
  readonly artefact: Uint8Array;
};

/**
 * A model from a file: one that `tocsin models export` wrote, or with `format` one that something else did. Whatever it is, it
 * is loaded once here, so that a file that does not fit is refused now with the reason and not at the next start.
 * @throws TocsinError `corrupt`, `invalid_request`, `state_version`.
 */
export function importedModel(bytes: Uint8Array, format?: ModelFormat, name?: string): Imported {
  if (format === undefined) {
    const { record, artefact } = unpackModel(bytes);
    checkArtefact(record.format, artefact);
    const { data, config, code, metrics } = record;
    return {
      name: name ?? record.name,
      format: record.format,
      data,
      // Jobs are named by the registry that ran them.
      config: Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'job')),
      code,
      metrics,
      parents: [nameOf(record)],
      artefact,
    };
  }
  if (!MODEL_FORMATS.includes(format))
    throw new TocsinError('invalid_request', `unknown format '${format}'; there are ${MODEL_FORMATS.join(', ')}`);
  checkArtefact(format, bytes);
  const usual = format === 'tocsin-lstm' ? 'lstm' : 'triage';
  return { name: name ?? usual, format, data: null, config: {}, code: '', metrics: {}, parents: [], artefact: bytes };
}

/** Loads an artefact. @throws as `importedModel`. */
export function checkArtefact(format: ModelFormat, bytes: Uint8Array): void {
  if (format === 'tocsin-lstm') lstmNetwork(networkOf(bytes));
  else triageOf(format, bytes);
}

/** The triage model of an artefact. A model of XGBoost gives its own probabilities, and holds nothing back until trained here. */
export function triageOf(format: ModelFormat, bytes: Uint8Array): TriageData {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new TocsinError('corrupt', 'the triage model is no JSON', { cause });
  }
  if (format === 'tocsin-triage') {
    const data = json as TriageData;
    createTriage(data);
    return data;
  }
  const model = readXgboost(json, TRIAGE_COLUMNS);
  return {
    version: 1,
    features: TRIAGE_FEATURES_VERSION,
    kind: 'xgboost',
    model,
    unsupervised: { kind: 'platt', slope: 0, bias: 0 },
    calibration: { kind: 'platt', slope: 2, bias: 0 },
    limit: 0,
    active: false,
    report: null,
  };
}
