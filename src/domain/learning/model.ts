import type { EpochMs } from '../units.ts';

/** What a version was trained on: enough to train it again. */
export interface ModelData {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Series or, for triage, labels. */
  readonly items: number;
  readonly samples: number;
  /** Where it was validated: after what it was trained on; null when it was not. */
  readonly validatedFrom: EpochMs | null;
  /** Checksum of the training data themselves. */
  readonly fingerprint: string;
}

export const MODEL_FORMATS = ['tocsin-lstm', 'tocsin-triage', 'xgboost-json'] as const;
export type ModelFormat = (typeof MODEL_FORMATS)[number];

/** `champion` is in use: one a name. `retired` was it once. `candidate` never was. */
export type ModelState = 'candidate' | 'champion' | 'retired';

/** One version of a model. What it is never changes; `state`, `pinned` and `promotions` say what became of it. */
export interface ModelRecord {
  readonly name: string;
  /** Counts up from 1 within the name. */
  readonly version: number;
  readonly format: ModelFormat;
  readonly state: ModelState;
  /** The champion is not replaced, neither by hand nor by itself, while it is pinned. */
  readonly pinned: boolean;
  readonly createdAt: EpochMs;
  readonly createdBy: string;
  /** When it became champion, each time. */
  readonly promotions: readonly EpochMs[];
  readonly data: ModelData | null;
  /** Options of the training. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Version of the program that made it. */
  readonly code: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** SHA-256 of the artefact, hex; its name on disk. */
  readonly checksum: string;
  /** `name@version` of what it came from: the champion it is to replace, what it was imported from. */
  readonly parents: readonly string[];
  readonly note: string;
}

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** A training job; survives a crash and goes on from its last checkpoint. */
export interface TrainingJob {
  readonly id: string;
  readonly model: string;
  readonly state: JobState;
  readonly at: EpochMs;
  readonly by: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** 0-1. */
  readonly progress: number;
  /** Starts so far: more than one after a crash. */
  readonly starts: number;
  readonly error: string;
  /** Version that came of it. */
  readonly result: number | null;
  readonly endedAt: EpochMs | null;
}

/** What triage saw when an incident opened; with a verdict, a row to learn from. */
export interface TriageExample {
  readonly incident: string;
  readonly openedAt: EpochMs;
  /** Version of the feature list. */
  readonly features: number;
  readonly values: readonly (number | null)[];
}

/** Models, jobs and examples in the control store; artefacts are files beside it. */
export interface ModelStore {
  models(name?: string): Promise<readonly ModelRecord[]>;
  /** Writes all or none. */
  saveModels(records: readonly ModelRecord[]): Promise<void>;
  jobs(): Promise<readonly TrainingJob[]>;
  saveJob(job: TrainingJob): Promise<void>;
  /** The first example of an incident stays. */
  addExamples(examples: readonly TriageExample[]): Promise<void>;
  /** Those of one version of the features, in order of opening. */
  examples(features: number): Promise<readonly TriageExample[]>;
}

/** Who does something to the models, and from where. */
export interface ModelActor {
  readonly by: string;
  readonly from: string;
}

/** What people and programs do with models; every change is in the audit log. */
export interface ModelDesk {
  /** All versions, by name, newest first. */
  models(): Promise<readonly ModelRecord[]>;
  /** In order of starting. */
  jobs(): Promise<readonly TrainingJob[]>;
  /** What can be trained. */
  readonly trainable: readonly string[];
  /** @throws TocsinError `invalid_request`. */
  train(model: string, options: Readonly<Record<string, unknown>>, who: ModelActor): Promise<TrainingJob>;
  /** @throws TocsinError `not_found`, `conflict`. */
  cancel(job: string, who: ModelActor): Promise<TrainingJob>;
  /** Of `name@version`. @returns what changed. @throws TocsinError `not_found`, `conflict`, `corrupt`. */
  promote(reference: string, who: ModelActor): Promise<readonly ModelRecord[]>;
  /** Of a name. @throws TocsinError `not_found`, `conflict`. */
  rollback(name: string, who: ModelActor): Promise<readonly ModelRecord[]>;
  /** @throws TocsinError `not_found`, `conflict`. */
  pin(reference: string, pinned: boolean, who: ModelActor): Promise<readonly ModelRecord[]>;
}
