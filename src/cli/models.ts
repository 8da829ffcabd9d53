import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { TocsinError } from '../domain/error.ts';
import type { ModelActor, ModelFormat, ModelRecord } from '../domain/learning/model.ts';
import { findModel, nameOf, nextVersion } from '../learn/registry/registry.ts';
import { settingsSchema } from '../pipeline/settings.ts';
import { importedModel } from '../pipeline/training/import-model.ts';
import { createTraining } from '../pipeline/training/jobs.ts';
import { createModelDesk } from '../pipeline/training/model-desk.ts';
import type { SqlControlStore } from '../store/control/sql-control-store.ts';
import { openSqliteControlStore } from '../store/control/sqlite.ts';
import { openDataDirectory } from '../store/data-directory/data-directory.ts';
import { DuckDbHistoryStore } from '../store/history/duckdb-history-store.ts';
import { type Artefacts, openArtefacts } from '../store/models/artefacts.ts';
import { packModel } from '../store/models/bundle.ts';
import type { Output } from './output.ts';
import { VERSION } from './version.ts';

export interface ModelsOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly by?: string;
}

interface Registry {
  readonly directory: string;
  readonly control: SqlControlStore;
  readonly artefacts: Artefacts;
  readonly desk: ReturnType<typeof createModelDesk>;
  readonly who: ModelActor;
}

const now = (): number => Date.now();

async function inRegistry<T>(options: ModelsOptions, work: (registry: Registry) => Promise<T>): Promise<T> {
  const directory = options.dataDir ?? loadConfig(options.config ?? null, settingsSchema, process.env).config.data_dir;
  const control = openSqliteControlStore(join(directory, 'control.sqlite'));
  try {
    await control.migrate();
    const artefacts = openArtefacts(join(directory, 'models'));
    const desk = createModelDesk({ control, artefacts, clock: { now } });
    const who = { by: options.by ?? process.env['USER'] ?? 'cli', from: 'cli' };
    return await work({ directory, control, artefacts, desk, who });
  } finally {
    await control.close();
  }
}

const shortTime = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

export async function modelsList(options: ModelsOptions, output: Output): Promise<number> {
  return inRegistry(options, async ({ control }) => {
    const records = await control.models.models();
    if (records.length === 0) output.line('no models yet; the LSTM forecaster that comes with the program is in use');
    for (const record of records) {
      const mark = record.state === 'champion' ? (record.pinned ? '* pinned' : '*') : '';
      const size = `${(record.bytes / 1024).toFixed(1)} KB`;
      output.line(
        `${nameOf(record).padEnd(16)} ${record.state.padEnd(10)} ${mark.padEnd(9)} ${shortTime(record.createdAt)}  ${size.padStart(10)}  ${record.checksum.slice(0, 12)}  ${record.createdBy}`,
      );
    }
    const open = (await control.models.jobs()).filter(({ state }) => state === 'running' || state === 'queued');
    for (const job of open) output.line(`training ${job.model}: ${job.state}, job ${job.id}`);
    return 0;
  });
}

export async function modelsShow(reference: string, options: ModelsOptions, output: Output): Promise<number> {
  return inRegistry(options, async ({ control }) => {
    output.line(JSON.stringify(findModel(await control.models.models(), reference), null, 2));
    return 0;
  });
}

export async function modelsPromote(reference: string, options: ModelsOptions, output: Output): Promise<number> {
  return inRegistry(options, async ({ desk, who }) => {
    const change = await desk.promote(reference, who);
    output.line(change.length === 0 ? `${reference} is in use already` : `${reference} is the champion`);
    return 0;
  });
}

export async function modelsRollback(name: string, options: ModelsOptions, output: Output): Promise<number> {
  return inRegistry(options, async ({ desk, who }) => {
    const change = await desk.rollback(name, who);
    const next = change.find(({ state }) => state === 'champion');
    output.line(
      next === undefined ? `${name}: what comes with the program is in use` : `${nameOf(next)} is the champion`,
    );
    return 0;
  });
}

export async function modelsPin(
  reference: string,
  options: ModelsOptions & { readonly off?: boolean },
  output: Output,
): Promise<number> {
  return inRegistry(options, async ({ desk, who }) => {
    const pinned = options.off !== true;
    await desk.pin(reference, pinned, who);
    output.line(`${reference} is ${pinned ? 'pinned' : 'not pinned'}`);
    return 0;
  });
}

export async function modelsExport(
  reference: string,
  file: string,
  options: ModelsOptions,
  output: Output,
): Promise<number> {
  return inRegistry(options, async ({ control, artefacts }) => {
    const record = findModel(await control.models.models(), reference);
    writeFileSync(file, packModel(record, artefacts.read(record.checksum)));
    output.line(`${nameOf(record)} written to ${file}`);
    return 0;
  });
}

export async function modelsImport(
  file: string,
  options: ModelsOptions & { readonly format?: string; readonly name?: string },
  output: Output,
): Promise<number> {
  return inRegistry(options, async ({ control, artefacts, desk, who }) => {
    const bytes = readFileSync(file);
    const { artefact, ...what } = importedModel(bytes, options.format as ModelFormat | undefined, options.name);
    const records = await control.models.models();
    const record: ModelRecord = {
      ...what,
      version: nextVersion(records, what.name),
      state: 'candidate',
      pinned: false,
      createdAt: now(),
      createdBy: who.by,
      promotions: [],
      bytes: artefact.length,
      checksum: artefacts.write(artefact),
      note: `imported from ${file}`,
    };
    await desk.save('import', nameOf(record), [record], who);
    output.line(`${nameOf(record)} imported; 'tocsin models promote ${nameOf(record)}' takes it into use`);
    return 0;
  });
}

export interface TrainOptions extends ModelsOptions {
  readonly set?: readonly string[];
}

/** Trains in this process, beside a server or without one. */
export async function modelsTrain(model: string, options: TrainOptions, output: Output): Promise<number> {
  return inRegistry(options, async (registry) => {
    const { control, directory, who } = registry;
    await finishFiles(directory, output);
    const training = createTraining({
      control,
      directory,
      clock: { now },
      code: VERSION,
      share: 1,
      onChange: (job) => output.progress(`train ${job.model}`, job.progress),
    });
    try {
      const job = await training.over((await training.start(model, settingsOf(options.set ?? []), who.by)).id);
      if (job.state !== 'done')
        throw new TocsinError('invalid_request', `training ended as ${job.state}: ${job.error}`);
      const reference = `${model}@${job.result}`;
      const record = findModel(await control.models.models(), reference);
      output.line(`${reference} trained on ${record.data?.items ?? 0} items, checksum ${record.checksum.slice(0, 12)}`);
      for (const [name, value] of Object.entries(record.metrics))
        output.line(`  ${name}: ${Number(value.toPrecision(4))}`);
    } finally {
      await training.close();
    }
    return 0;
  });
}

/** Training reads finished files; without a server the newest windows are finished here. */
async function finishFiles(directory: string, output: Output): Promise<void> {
  let held: ReturnType<typeof openDataDirectory>;
  try {
    held = openDataDirectory(directory);
  } catch (error) {
    if (!(error instanceof TocsinError) || error.code !== 'conflict') throw error;
    output.error('a server has the data folder: its newest windows, not yet in finished files, are left out');
    return;
  }
  try {
    const history = await DuckDbHistoryStore.open({ directory: join(directory, 'history') });
    await history.compact();
    await history.close();
  } finally {
    held.release();
  }
}

/** `steps=500` */
function settingsOf(set: readonly string[]): Record<string, number | string> {
  return Object.fromEntries(
    set.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new TocsinError('invalid_request', `'${text}' is not NAME=VALUE`);
      const value = text.slice(at + 1);
      return [text.slice(0, at), value !== '' && Number.isFinite(Number(value)) ? Number(value) : value];
    }),
  );
}
