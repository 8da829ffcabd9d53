import type { Kysely } from 'kysely';
import type { ModelRecord, ModelStore, TrainingJob, TriageExample } from '../../domain/learning/model.ts';
import type { Tables } from './tables.ts';
import { chunks } from './writes.ts';

/** Models, jobs and examples as documents: the same statements on SQLite and PostgreSQL. */
export class SqlModelStore implements ModelStore {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async models(name?: string): Promise<readonly ModelRecord[]> {
    let query = this.#db.selectFrom('models').select('document').orderBy('name').orderBy('version', 'desc');
    if (name !== undefined) query = query.where('name', '=', name);
    return (await query.execute()).map(({ document }) => JSON.parse(document) as ModelRecord);
  }

  async saveModels(records: readonly ModelRecord[]): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      for (const record of records) {
        const document = JSON.stringify(record);
        await tx
          .insertInto('models')
          .values({ name: record.name, version: record.version, document })
          .onConflict((c) => c.columns(['name', 'version']).doUpdateSet({ document }))
          .execute();
      }
    });
  }

  async jobs(): Promise<readonly TrainingJob[]> {
    const rows = await this.#db.selectFrom('training_jobs').select('document').orderBy('at').orderBy('id').execute();
    return rows.map(({ document }) => JSON.parse(document) as TrainingJob);
  }

  async saveJob(job: TrainingJob): Promise<void> {
    const document = JSON.stringify(job);
    await this.#db
      .insertInto('training_jobs')
      .values({ id: job.id, at: job.at, document })
      .onConflict((c) => c.column('id').doUpdateSet({ document }))
      .execute();
  }

  async addExamples(examples: readonly TriageExample[]): Promise<void> {
    for (const part of chunks(examples)) {
      const rows = part.map((e) => ({
        incident_id: e.incident,
        opened_at: e.openedAt,
        features: e.features,
        document: JSON.stringify(e.values),
      }));
      await this.#db
        .insertInto('triage_examples')
        .values(rows)
        .onConflict((c) => c.columns(['incident_id', 'features']).doNothing())
        .execute();
    }
  }

  async examples(features: number): Promise<readonly TriageExample[]> {
    const rows = await this.#db
      .selectFrom('triage_examples')
      .selectAll()
      .where('features', '=', features)
      .orderBy('opened_at')
      .orderBy('incident_id')
      .execute();
    return rows.map((row) => ({
      incident: row.incident_id,
      openedAt: row.opened_at,
      features: row.features,
      values: JSON.parse(row.document) as (number | null)[],
    }));
  }
}
