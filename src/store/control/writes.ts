import type { Kysely, Transaction } from 'kysely';
import type { MaintenanceWindow, Silence } from '../../domain/alerting/suppression.ts';
import type { Incident } from '../../domain/incident.ts';
import type { CorrelatorCommit, OutboxResult, StatePieces } from '../../domain/ports.ts';
import type { ExampleSpan, TemplateInfo } from '../../domain/signal/history.ts';
import type { Tables } from './tables.ts';

const CHUNK = 200;

/** A burst of a storm is many rows: a statement for a few dozen, not for each. */
const WIDE = 50;

export async function upsertIncidents(tx: Transaction<Tables>, incidents: readonly Incident[]): Promise<void> {
  for (const part of chunks(incidents, WIDE)) {
    await tx
      .insertInto('incidents')
      .values(
        part.map((incident) => ({
          id: incident.id,
          tenant: incident.tenant,
          status: incident.status,
          opened_at: incident.openedAt,
          updated_at: incident.updatedAt,
          merged_into: incident.mergedInto ?? null,
          document: JSON.stringify(incident),
          verdict: null,
          acknowledged_by: null,
          acknowledged_at: null,
        })),
      )
      .onConflict((c) =>
        c.column('id').doUpdateSet((e) => ({
          status: e.ref('excluded.status'),
          opened_at: e.ref('excluded.opened_at'),
          updated_at: e.ref('excluded.updated_at'),
          merged_into: e.ref('excluded.merged_into'),
          document: e.ref('excluded.document'),
        })),
      )
      .execute();
  }
  const services = incidents.flatMap((incident) =>
    incident.services.map((service) => ({ incident_id: incident.id, service })),
  );
  for (const part of chunks(services))
    await tx
      .insertInto('incident_services')
      .values(part)
      .onConflict((c) => c.columns(['service', 'incident_id']).doNothing())
      .execute();
}

/** In this order they are delivered. An id that is there already is left as it is. */
export async function insertOutbox(tx: Transaction<Tables>, items: CorrelatorCommit['outbox']): Promise<void> {
  if (items.length === 0) return;
  const last = await tx
    .selectFrom('outbox')
    .select((e) => e.fn.max('sequence').as('sequence'))
    .executeTakeFirst();
  let sequence = Number(last?.sequence ?? 0);
  for (const part of chunks(items, WIDE))
    await tx
      .insertInto('outbox')
      .values(
        part.map((item) => {
          sequence += 1;
          return {
            id: item.id,
            incident_id: item.payload.incident.id,
            receiver: item.receiver,
            dedup_key: item.dedupKey,
            payload: JSON.stringify(item.payload),
            state: 'pending',
            attempts: 0,
            next_attempt_at: item.dueAt ?? item.createdAt,
            last_error: '',
            created_at: item.createdAt,
            sent_at: null,
            sequence,
          };
        }),
      )
      .onConflict((c) => c.column('id').doNothing())
      .execute();
  const about = items.flatMap((item) =>
    [...new Set((item.payload.members ?? []).map((member) => member.incident.id))].map((id) => ({
      incident_id: id,
      outbox_id: item.id,
    })),
  );
  for (const part of chunks(about))
    await tx
      .insertInto('outbox_incidents')
      .values(part)
      .onConflict((c) => c.columns(['incident_id', 'outbox_id']).doNothing())
      .execute();
}

export async function settle(db: Kysely<Tables>, id: string, result: OutboxResult): Promise<void> {
  await db
    .updateTable('outbox')
    .set((e) => ({
      state: result.state,
      attempts: e('attempts', '+', 1),
      next_attempt_at: result.nextAttemptAt,
      last_error: result.error,
      sent_at: result.state === 'sent' ? result.at : null,
    }))
    .where('id', '=', id)
    .execute();
}

export async function insertSpans(tx: Transaction<Tables>, spans: readonly ExampleSpan[]): Promise<void> {
  const rows = spans.map((s) => ({
    trace_id: s.traceId,
    span_id: s.spanId,
    parent_id: s.parentId,
    service: s.service,
    name: s.name,
    start_at: s.start,
    duration_ms: s.durationMs,
    error: s.error ? 1 : 0,
  }));
  await tx
    .insertInto('spans')
    .values(rows)
    .onConflict((c) => c.columns(['trace_id', 'span_id']).doNothing())
    .execute();
}

export async function upsertTemplates(tx: Transaction<Tables>, templates: readonly TemplateInfo[]): Promise<void> {
  const rows = templates.map((t) => ({
    id: t.id,
    service: t.service,
    template: t.template,
    first_seen: t.firstSeen,
    severity: t.severity,
    example: t.example,
  }));
  await tx
    .insertInto('templates')
    .values(rows)
    .onConflict((c) =>
      c.column('id').doUpdateSet((e) => ({ template: e.ref('excluded.template'), example: e.ref('excluded.example') })),
    )
    .execute();
}

export function* chunks<T>(items: readonly T[], size = CHUNK): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

/** Silences, maintenance and what receivers remember: documents under a key. */
export async function saveSilence(db: Kysely<Tables>, silence: Silence): Promise<void> {
  await saveDocument(db, 'silences', silence.id, silence.endsAt, silence.updatedAt, silence);
}

export async function saveMaintenance(
  db: Kysely<Tables>,
  window: MaintenanceWindow,
  endsAt: number | null,
): Promise<void> {
  await saveDocument(db, 'maintenance', window.id, endsAt, window.updatedAt ?? 0, window);
}

async function saveDocument(
  db: Kysely<Tables>,
  table: 'silences' | 'maintenance',
  id: string,
  endsAt: number | null,
  updatedAt: number,
  document: unknown,
): Promise<void> {
  const columns = { ends_at: endsAt, updated_at: updatedAt, document: JSON.stringify(document) };
  await db
    .insertInto(table)
    .values({ id, ...columns })
    .onConflict((c) => c.column('id').doUpdateSet(columns))
    .execute();
}

export async function documents<T>(db: Kysely<Tables>, table: 'silences' | 'maintenance'): Promise<readonly T[]> {
  const rows = await db.selectFrom(table).select('document').orderBy('updated_at', 'desc').orderBy('id').execute();
  return rows.map((row) => JSON.parse(row.document) as T);
}

export async function remember(
  db: Kysely<Tables>,
  receiver: string,
  key: string,
  value: string | null,
  at: number,
): Promise<void> {
  if (value === null) {
    await db.deleteFrom('receiver_memory').where('receiver', '=', receiver).where('key', '=', key).execute();
    return;
  }
  await db
    .insertInto('receiver_memory')
    .values({ receiver, key, value, at })
    .onConflict((c) => c.columns(['receiver', 'key']).doUpdateSet({ value, at }))
    .execute();
}

/** Deletes what is over and older than the given time; returns rows removed. */
export async function prune(tx: Transaction<Tables>, before: number): Promise<number> {
  const old = tx.selectFrom('incidents').select('id').where('status', '=', 'closed').where('updated_at', '<', before);
  const results = [
    await tx.deleteFrom('incident_services').where('incident_id', 'in', old).executeTakeFirst(),
    await tx.deleteFrom('outbox').where('state', '<>', 'pending').where('created_at', '<', before).executeTakeFirst(),
    await tx
      .deleteFrom('outbox_incidents')
      .where('outbox_id', 'not in', (e) => e.selectFrom('outbox').select('id'))
      .executeTakeFirst(),
    await tx.deleteFrom('incidents').where('status', '=', 'closed').where('updated_at', '<', before).executeTakeFirst(),
    await tx.deleteFrom('decisions').where('at', '<', before).executeTakeFirst(),
    await tx.deleteFrom('spans').where('start_at', '<', before).executeTakeFirst(),
    await tx.deleteFrom('deploys').where('at', '<', before).executeTakeFirst(),
    await tx.deleteFrom('audit').where('at', '<', before).executeTakeFirst(),
    await tx.deleteFrom('silences').where('ends_at', '<', before).executeTakeFirst(),
    await tx.deleteFrom('maintenance').where('ends_at', '<', before).executeTakeFirst(),
    await tx.deleteFrom('receiver_memory').where('at', '<', before).executeTakeFirst(),
  ];
  return results.reduce((sum, r) => sum + Number(r.numDeletedRows), 0);
}

/** Parts of the correlator's state: what is new in, what nothing names any more out. */
export async function writePieces(tx: Transaction<Tables>, { fresh, gone, all }: StatePieces): Promise<void> {
  if (all) await tx.deleteFrom('correlator_pieces').execute();
  else for (const part of chunks(gone)) await tx.deleteFrom('correlator_pieces').where('key', 'in', part).execute();
  for (const part of chunks(fresh))
    await tx
      .insertInto('correlator_pieces')
      .values(part.map(([key, state]) => ({ key, state })))
      .onConflict((c) => c.column('key').doUpdateSet((e) => ({ state: e.ref('excluded.state') })))
      .execute();
}
