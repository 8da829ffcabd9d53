import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { MaintenanceWindow, Silence } from '../../domain/alerting/suppression.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Incident } from '../../domain/incident.ts';
import type { ModelStore } from '../../domain/learning/model.ts';
import type {
  AuditEntry,
  ControlStore,
  CorrelatorCommit,
  IncidentFilter,
  OutboxItem,
  OutboxResult,
  Page,
} from '../../domain/ports.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { ExampleSpan, TemplateInfo } from '../../domain/signal/history.ts';
import type { Verdict } from '../../domain/verdict.ts';
import { copyControlData } from './copy.ts';
import { migrations } from './migrations.ts';
import { joinPieces } from './pieces.ts';
import { auditOf, decisionOf, decisionRow, incidentOf, outboxOf, USER_TIMELINE, verdictOf } from './rows.ts';
import { SqlModelStore } from './sql-model-store.ts';
import type { Tables } from './tables.ts';
import {
  chunks,
  documents,
  insertOutbox,
  insertSpans,
  prune,
  remember,
  saveMaintenance,
  saveSilence,
  settle,
  upsertIncidents,
  upsertTemplates,
  writePieces,
} from './writes.ts';

const MAX_PAGE = 500;

type FilterOf<K extends keyof ControlStore> = ControlStore[K] extends (filter: infer F) => unknown ? F : never;

/** Control data through Kysely: the same statements on SQLite and PostgreSQL. */
export class SqlControlStore implements ControlStore {
  readonly models: ModelStore;
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
    this.models = new SqlModelStore(db);
  }

  /** Copies everything into another store, which must be migrated and empty; returns rows by table. */
  copyTo(target: SqlControlStore): Promise<Record<string, number>> {
    return copyControlData(this.#db, target.#db);
  }

  async migrate(): Promise<void> {
    const { error } = await new Migrator({ db: this.#db, provider: migrations }).migrateToLatest();
    if (error !== undefined) throw new TocsinError('corrupt', 'the control store cannot be migrated', { cause: error });
  }

  async commit(commit: CorrelatorCommit): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await upsertIncidents(tx, commit.incidents);
      for (const part of chunks(commit.decisions)) {
        await tx
          .insertInto('decisions')
          .values(part.map(decisionRow))
          .onConflict((c) => c.column('id').doNothing())
          .execute();
      }
      await insertOutbox(tx, commit.outbox);
      for (const part of chunks(commit.templates)) await upsertTemplates(tx, part);
      for (const part of chunks(commit.deploys)) {
        const rows = part.map((d) => ({ service: d.service, at: d.at, from_version: d.from, to_version: d.to }));
        await tx
          .insertInto('deploys')
          .values(rows)
          .onConflict((c) => c.columns(['service', 'at', 'to_version']).doNothing())
          .execute();
      }
      for (const part of chunks(commit.traces)) await insertSpans(tx, part);
      if (commit.pieces !== undefined) await writePieces(tx, commit.pieces);
      await tx
        .insertInto('correlator')
        .values({ id: 1, state: commit.state })
        .onConflict((c) => c.column('id').doUpdateSet({ state: commit.state }))
        .execute();
      for (const [shard, sequence] of Object.entries(commit.applied)) {
        await tx
          .insertInto('applied')
          .values({ shard, sequence })
          .onConflict((c) => c.column('shard').doUpdateSet({ sequence }))
          .execute();
      }
    });
  }

  async correlatorState(): Promise<{ state: string; applied: Record<string, number> } | null> {
    const { row, pieces, applied } = await this.#db.transaction().execute(async (tx) => ({
      row: await tx.selectFrom('correlator').select('state').where('id', '=', 1).executeTakeFirst(),
      pieces: await tx.selectFrom('correlator_pieces').selectAll().execute(),
      applied: await tx.selectFrom('applied').selectAll().execute(),
    }));
    if (row === undefined) return null;
    const state = joinPieces(row.state, new Map(pieces.map((piece) => [piece.key, piece.state])));
    return { state, applied: Object.fromEntries(applied.map((a) => [a.shard, a.sequence])) };
  }

  async incident(id: string): Promise<Incident | null> {
    const row = await this.#db.selectFrom('incidents').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? null : incidentOf(row);
  }

  async incidents(filter: IncidentFilter): Promise<Page<Incident>> {
    const limit = Math.min(filter.limit ?? 50, MAX_PAGE);
    let query = this.#db
      .selectFrom('incidents')
      .selectAll('incidents')
      .orderBy('opened_at', 'desc')
      .orderBy('id')
      .limit(limit + 1);
    if (filter.tenant !== undefined) query = query.where('tenant', '=', filter.tenant);
    if (filter.status !== undefined) query = query.where('status', '=', filter.status);
    if (filter.merged !== true) query = query.where('merged_into', 'is', null);
    if (filter.from !== undefined) query = query.where('updated_at', '>=', filter.from);
    if (filter.to !== undefined) query = query.where('opened_at', '<', filter.to);
    if (filter.service !== undefined) {
      const service = filter.service;
      query = query.where('id', 'in', (e) =>
        e.selectFrom('incident_services').select('incident_id').where('service', '=', service),
      );
    }
    if (filter.cursor !== undefined) {
      const { at, id } = decodeCursor(filter.cursor);
      query = query.where((e) => e.or([e('opened_at', '<', at), e.and([e('opened_at', '=', at), e('id', '>', id)])]));
    }
    const rows = await query.execute();
    const items = rows.slice(0, limit).map(incidentOf);
    const last = items.at(-1);
    return { items, next: rows.length > limit && last !== undefined ? encodeCursor(last.openedAt, last.id) : null };
  }

  async saveIncident(incident: Incident): Promise<void> {
    const { numUpdatedRows } = await this.#db
      .updateTable('incidents')
      .set((e) => ({
        verdict: incident.verdict === null ? null : JSON.stringify(incident.verdict),
        acknowledged_by: incident.acknowledgedBy,
        acknowledged_at: incident.acknowledgedAt,
        assigned_to: incident.assignedTo ?? null,
        snoozed_until: incident.snoozedUntil ?? null,
        user_timeline: JSON.stringify(incident.timeline.filter((entry) => USER_TIMELINE.has(entry.kind))),
        user_version: e('user_version', '+', 1),
      }))
      .where('id', '=', incident.id)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) throw new TocsinError('not_found', `no incident ${incident.id}`);
  }

  async addVerdict(v: Verdict): Promise<void> {
    const row = {
      id: v.id,
      subject: v.subject,
      subject_id: v.subjectId,
      kind: v.kind,
      comment: v.comment,
      by: v.by,
      at: v.at,
    };
    await this.#db
      .insertInto('verdicts')
      .values(row)
      .onConflict((c) => c.column('id').doUpdateSet({ kind: v.kind, comment: v.comment, by: v.by, at: v.at }))
      .execute();
  }

  async verdicts(filter: FilterOf<'verdicts'>): Promise<readonly Verdict[]> {
    let query = this.#db.selectFrom('verdicts').selectAll().orderBy('at', 'desc').orderBy('id');
    if (filter.subjectId !== undefined) query = query.where('subject_id', '=', filter.subjectId);
    if (filter.from !== undefined) query = query.where('at', '>=', filter.from);
    if (filter.to !== undefined) query = query.where('at', '<', filter.to);
    return (await query.execute()).map(verdictOf);
  }

  async decisions(filter: FilterOf<'decisions'>): Promise<readonly DecisionRecord[]> {
    let query = this.#db
      .selectFrom('decisions')
      .selectAll()
      .orderBy('at', 'desc')
      .orderBy('id')
      .limit(Math.min(filter.limit ?? 200, 5_000));
    if (filter.id !== undefined) query = query.where('id', '=', filter.id);
    if (filter.service !== undefined) query = query.where('service', '=', filter.service);
    if (filter.subject !== undefined) query = query.where('subject', '=', filter.subject);
    if (filter.stage !== undefined) query = query.where('stage', '=', filter.stage);
    if (filter.from !== undefined) query = query.where('at', '>=', filter.from);
    if (filter.to !== undefined) query = query.where('at', '<', filter.to);
    return (await query.execute()).map(decisionOf);
  }

  async deploys(filter: FilterOf<'deploys'>): Promise<readonly DeployMarker[]> {
    let query = this.#db.selectFrom('deploys').selectAll().orderBy('at', 'desc').orderBy('service').limit(MAX_PAGE);
    if (filter.service !== undefined) query = query.where('service', '=', filter.service);
    if (filter.from !== undefined) query = query.where('at', '>=', filter.from);
    if (filter.to !== undefined) query = query.where('at', '<', filter.to);
    return (await query.execute()).map((row) => ({
      service: row.service,
      from: row.from_version,
      to: row.to_version,
      at: row.at,
    }));
  }

  async templates(filter: FilterOf<'templates'>): Promise<readonly TemplateInfo[]> {
    let query = this.#db
      .selectFrom('templates')
      .selectAll()
      .orderBy('first_seen', 'desc')
      .orderBy('id')
      .limit(Math.min(filter.limit ?? 100, MAX_PAGE));
    if (filter.service !== undefined) query = query.where('service', '=', filter.service);
    if (filter.from !== undefined) query = query.where('first_seen', '>=', filter.from);
    if (filter.to !== undefined) query = query.where('first_seen', '<', filter.to);
    return (await query.execute()).map((t) => ({
      id: t.id,
      service: t.service,
      template: t.template,
      firstSeen: t.first_seen,
      severity: t.severity,
      example: t.example,
    }));
  }

  async trace(traceId: string): Promise<readonly ExampleSpan[]> {
    const rows = await this.#db
      .selectFrom('spans')
      .selectAll()
      .where('trace_id', '=', traceId)
      .orderBy('start_at')
      .orderBy('span_id')
      .execute();
    return rows.map((s) => ({
      traceId: s.trace_id,
      spanId: s.span_id,
      parentId: s.parent_id,
      service: s.service,
      name: s.name,
      start: s.start_at,
      durationMs: s.duration_ms,
      error: s.error !== 0,
    }));
  }

  async dueOutbox(now: number, limit: number, except: readonly string[] = []): Promise<readonly OutboxItem[]> {
    let query = this.#db
      .selectFrom('outbox as item')
      .selectAll()
      .where('state', '=', 'pending')
      .where('next_attempt_at', '<=', now)
      // Order within an incident is kept: nothing overtakes an older item that still waits for its retry.
      .where((e) =>
        e.not(
          e.exists(
            e
              .selectFrom('outbox as older')
              .select('older.id')
              .where('older.state', '=', 'pending')
              .whereRef('older.receiver', '=', 'item.receiver')
              .whereRef('older.incident_id', '=', 'item.incident_id')
              .whereRef('older.sequence', '<', 'item.sequence')
              .where('older.next_attempt_at', '>', now),
          ),
        ),
      )
      .orderBy('sequence')
      .orderBy('id')
      .limit(limit);
    if (except.length > 0) query = query.where('receiver', 'not in', [...except]);
    return (await query.execute()).map(outboxOf);
  }

  settleOutbox(id: string, result: OutboxResult): Promise<void> {
    return settle(this.#db, id, result);
  }

  async settleAll(results: Parameters<ControlStore['settleAll']>[0]): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      for (const { id, result } of results) await settle(tx, id, result);
    });
  }

  async outbox(filter: FilterOf<'outbox'>): Promise<readonly OutboxItem[]> {
    let query = this.#db
      .selectFrom('outbox')
      .selectAll()
      .orderBy('created_at', 'desc')
      .orderBy('sequence', 'desc')
      .limit(Math.min(filter.limit ?? 100, MAX_PAGE));
    if (filter.incident !== undefined) {
      const { incident } = filter;
      query = query.where((e) =>
        e.or([
          e('incident_id', '=', incident),
          e('id', 'in', e.selectFrom('outbox_incidents').select('outbox_id').where('incident_id', '=', incident)),
        ]),
      );
    }
    return (await query.execute()).map(outboxOf);
  }

  async enqueue(items: CorrelatorCommit['outbox']): Promise<void> {
    await this.#db.transaction().execute((tx) => insertOutbox(tx, items));
  }

  silences(): Promise<readonly Silence[]> {
    return documents<Silence>(this.#db, 'silences');
  }

  saveSilence(silence: Silence): Promise<void> {
    return saveSilence(this.#db, silence);
  }

  maintenance(): Promise<readonly MaintenanceWindow[]> {
    return documents<MaintenanceWindow>(this.#db, 'maintenance');
  }

  saveMaintenance(window: MaintenanceWindow, endsAt: number | null): Promise<void> {
    return saveMaintenance(this.#db, window, endsAt);
  }

  async deleteMaintenance(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom('maintenance').where('id', '=', id).executeTakeFirst();
    return numDeletedRows > 0n;
  }

  async recall(receiver: string, key: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom('receiver_memory')
      .select('value')
      .where('receiver', '=', receiver)
      .where('key', '=', key)
      .executeTakeFirst();
    return row?.value ?? null;
  }

  remember(receiver: string, key: string, value: string | null, at: number): Promise<void> {
    return remember(this.#db, receiver, key, value, at);
  }

  async audit(entry: AuditEntry): Promise<void> {
    const row = {
      id: entry.id,
      at: entry.at,
      by: entry.by,
      from_address: entry.from,
      action: entry.action,
      subject: entry.subject,
      detail: JSON.stringify(entry.detail ?? null),
    };
    await this.#db
      .insertInto('audit')
      .values(row)
      .onConflict((c) => c.column('id').doNothing())
      .execute();
  }

  async auditLog(filter: FilterOf<'auditLog'>): Promise<readonly AuditEntry[]> {
    let query = this.#db
      .selectFrom('audit')
      .selectAll()
      .orderBy('at', 'desc')
      .orderBy('id')
      .limit(Math.min(filter.limit ?? 100, MAX_PAGE));
    if (filter.subject !== undefined) query = query.where('subject', '=', filter.subject);
    if (filter.from !== undefined) query = query.where('at', '>=', filter.from);
    if (filter.to !== undefined) query = query.where('at', '<', filter.to);
    return (await query.execute()).map(auditOf);
  }

  async prune(before: number): Promise<number> {
    return this.#db.transaction().execute((tx) => prune(tx, before));
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }
}

const encodeCursor = (at: number, id: string): string => Buffer.from(`${at}:${id}`).toString('base64url');

function decodeCursor(cursor: string): { at: number; id: string } {
  const match = /^(-?[\d.]+):(.+)$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (match === null) throw new TocsinError('invalid_request', 'the cursor is not one that this API gave out');
  return { at: Number(match[1]), id: match[2]! };
}
