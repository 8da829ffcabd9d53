import { type Kysely, sql } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';

/** One entry a version, applied in order, never edited after a release. The same for SQLite and PostgreSQL. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-control': {
    async up(db: Kysely<unknown>): Promise<void> {
      const schema = db.schema;
      await schema
        .createTable('incidents')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('tenant', 'text', (c) => c.notNull())
        .addColumn('status', 'text', (c) => c.notNull())
        .addColumn('opened_at', 'double precision', (c) => c.notNull())
        .addColumn('updated_at', 'double precision', (c) => c.notNull())
        .addColumn('document', 'text', (c) => c.notNull())
        .addColumn('verdict', 'text')
        .addColumn('acknowledged_by', 'text')
        .addColumn('acknowledged_at', 'double precision')
        .addColumn('user_timeline', 'text', (c) => c.notNull().defaultTo('[]'))
        .addColumn('user_version', 'integer', (c) => c.notNull().defaultTo(0))
        .execute();
      await schema.createIndex('incidents_by_time').on('incidents').columns(['opened_at', 'id']).execute();
      await schema
        .createTable('incident_services')
        .addColumn('incident_id', 'text', (c) => c.notNull())
        .addColumn('service', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('incident_services_key', ['service', 'incident_id'])
        .execute();
      await schema
        .createTable('decisions')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('at', 'double precision', (c) => c.notNull())
        .addColumn('tenant', 'text', (c) => c.notNull())
        .addColumn('service', 'text', (c) => c.notNull())
        .addColumn('subject', 'text', (c) => c.notNull())
        .addColumn('stage', 'text', (c) => c.notNull())
        .addColumn('outcome', 'text', (c) => c.notNull())
        .addColumn('reason', 'text', (c) => c.notNull())
        .addColumn('value', 'double precision')
        .addColumn('limit_value', 'double precision')
        .addColumn('model_version', 'text', (c) => c.notNull())
        .addColumn('config_hash', 'text', (c) => c.notNull())
        .execute();
      await schema.createIndex('decisions_by_service').on('decisions').columns(['service', 'at']).execute();
      await schema.createIndex('decisions_by_subject').on('decisions').columns(['subject', 'at']).execute();
      await schema.createIndex('decisions_by_time').on('decisions').columns(['at']).execute();
      await schema
        .createTable('verdicts')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('subject', 'text', (c) => c.notNull())
        .addColumn('subject_id', 'text', (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('comment', 'text', (c) => c.notNull())
        .addColumn('by', 'text', (c) => c.notNull())
        .addColumn('at', 'double precision', (c) => c.notNull())
        .execute();
      await schema.createIndex('verdicts_by_subject').on('verdicts').columns(['subject_id', 'at']).execute();
      await schema
        .createTable('outbox')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('incident_id', 'text', (c) => c.notNull())
        .addColumn('receiver', 'text', (c) => c.notNull())
        .addColumn('dedup_key', 'text', (c) => c.notNull())
        .addColumn('payload', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('attempts', 'integer', (c) => c.notNull())
        .addColumn('next_attempt_at', 'double precision', (c) => c.notNull())
        .addColumn('last_error', 'text', (c) => c.notNull())
        .addColumn('created_at', 'double precision', (c) => c.notNull())
        .addColumn('sent_at', 'double precision')
        .execute();
      await schema.createIndex('outbox_due').on('outbox').columns(['state', 'next_attempt_at']).execute();
      await schema.createIndex('outbox_by_incident').on('outbox').columns(['incident_id']).execute();
      await schema
        .createTable('templates')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('service', 'text', (c) => c.notNull())
        .addColumn('template', 'text', (c) => c.notNull())
        .addColumn('first_seen', 'double precision', (c) => c.notNull())
        .addColumn('severity', 'integer', (c) => c.notNull())
        .addColumn('example', 'text', (c) => c.notNull())
        .execute();
      await schema.createIndex('templates_by_service').on('templates').columns(['service', 'first_seen']).execute();
      await schema
        .createTable('deploys')
        .addColumn('service', 'text', (c) => c.notNull())
        .addColumn('at', 'double precision', (c) => c.notNull())
        .addColumn('from_version', 'text', (c) => c.notNull())
        .addColumn('to_version', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('deploys_key', ['service', 'at', 'to_version'])
        .execute();
      await schema
        .createTable('spans')
        .addColumn('trace_id', 'text', (c) => c.notNull())
        .addColumn('span_id', 'text', (c) => c.notNull())
        .addColumn('parent_id', 'text', (c) => c.notNull())
        .addColumn('service', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('start_at', 'double precision', (c) => c.notNull())
        .addColumn('duration_ms', 'double precision', (c) => c.notNull())
        .addColumn('error', 'integer', (c) => c.notNull())
        .addPrimaryKeyConstraint('spans_key', ['trace_id', 'span_id'])
        .execute();
      await schema.createIndex('spans_by_time').on('spans').columns(['start_at']).execute();
      await schema
        .createTable('audit')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('at', 'double precision', (c) => c.notNull())
        .addColumn('by', 'text', (c) => c.notNull())
        .addColumn('from_address', 'text', (c) => c.notNull())
        .addColumn('action', 'text', (c) => c.notNull())
        .addColumn('subject', 'text', (c) => c.notNull())
        .addColumn('detail', 'text', (c) => c.notNull())
        .execute();
      await schema.createIndex('audit_by_time').on('audit').columns(['at']).execute();
      await schema
        .createTable('correlator')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('state', 'text', (c) => c.notNull())
        .execute();
      await schema
        .createTable('applied')
        .addColumn('shard', 'text', (c) => c.primaryKey())
        .addColumn('sequence', sql`double precision`, (c) => c.notNull())
        .execute();
    },
  },
  '0002-suppression': {
    async up(db: Kysely<unknown>): Promise<void> {
      const schema = db.schema;
      for (const table of ['silences', 'maintenance']) {
        await schema
          .createTable(table)
          .addColumn('id', 'text', (c) => c.primaryKey())
          .addColumn('ends_at', 'double precision')
          .addColumn('updated_at', 'double precision', (c) => c.notNull())
          .addColumn('document', 'text', (c) => c.notNull())
          .execute();
      }
      await schema
        .createTable('receiver_memory')
        .addColumn('receiver', 'text', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('value', 'text', (c) => c.notNull())
        .addColumn('at', 'double precision', (c) => c.notNull())
        .addPrimaryKeyConstraint('receiver_memory_key', ['receiver', 'key'])
        .execute();
    },
  },
  '0003-models': {
    async up(db: Kysely<unknown>): Promise<void> {
      const schema = db.schema;
      await schema
        .createTable('models')
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('version', 'integer', (c) => c.notNull())
        .addColumn('document', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('models_key', ['name', 'version'])
        .execute();
      await schema
        .createTable('training_jobs')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('at', 'double precision', (c) => c.notNull())
        .addColumn('document', 'text', (c) => c.notNull())
        .execute();
      await schema
        .createTable('triage_examples')
        .addColumn('incident_id', 'text', (c) => c.notNull())
        .addColumn('opened_at', 'double precision', (c) => c.notNull())
        .addColumn('features', 'integer', (c) => c.notNull())
        .addColumn('document', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('triage_examples_key', ['incident_id', 'features'])
        .execute();
    },
  },
  '0004-incident-actions': {
    async up(db: Kysely<unknown>): Promise<void> {
      const schema = db.schema;
      for (const [column, type] of [
        ['assigned_to', 'text'],
        ['snoozed_until', 'double precision'],
        ['merged_into', 'text'],
      ] as const)
        await schema.alterTable('incidents').addColumn(column, type).execute();
      // In which order notifications were decided: times may be equal, and ids say nothing.
      await schema
        .alterTable('outbox')
        .addColumn('sequence', 'double precision', (c) => c.notNull().defaultTo(0))
        .execute();
      await schema.createIndex('outbox_by_sequence').on('outbox').columns(['sequence']).execute();
      await schema
        .createIndex('outbox_waiting')
        .on('outbox')
        .columns(['receiver', 'incident_id', 'state', 'sequence'])
        .execute();
      await schema
        .createTable('outbox_incidents')
        .addColumn('incident_id', 'text', (c) => c.notNull())
        .addColumn('outbox_id', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('outbox_incidents_key', ['incident_id', 'outbox_id'])
        .execute();
      await schema.createIndex('audit_by_subject').on('audit').columns(['subject', 'at']).execute();
    },
  },
  '0005-correlator-pieces': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('correlator_pieces')
        .addColumn('key', 'text', (c) => c.primaryKey())
        .addColumn('state', 'text', (c) => c.notNull())
        .execute();
    },
  },
};

export const migrations: MigrationProvider = { getMigrations: () => Promise.resolve(MIGRATIONS) };
