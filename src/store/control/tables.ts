import type { ColumnType } from 'kysely';

/** Event and wall times are ms since the epoch. JSON columns hold the domain object as it is. */
export interface Tables {
  incidents: {
    id: string;
    tenant: string;
    status: string;
    opened_at: number;
    updated_at: number;
    document: string;
    /** What people did to it, apart from the document, so that the correlator never overwrites it. */
    verdict: string | null;
    acknowledged_by: string | null;
    acknowledged_at: number | null;
    assigned_to: ColumnType<string | null, string | null | undefined, string | null>;
    snoozed_until: ColumnType<number | null, number | null | undefined, number | null>;
    /** Of a merged one, that which it is part of: the correlator's word, here so that lists can leave it out. */
    merged_into: string | null;
    user_timeline: ColumnType<string, string | undefined, string>;
    user_version: ColumnType<number, number | undefined, number>;
  };
  incident_services: { incident_id: string; service: string };
  decisions: {
    id: string;
    at: number;
    tenant: string;
    service: string;
    subject: string;
    stage: string;
    outcome: string;
    reason: string;
    value: number | null;
    limit_value: number | null;
    model_version: string;
    config_hash: string;
  };
  verdicts: { id: string; subject: string; subject_id: string; kind: string; comment: string; by: string; at: number };
  outbox: {
    id: string;
    incident_id: string;
    receiver: string;
    dedup_key: string;
    payload: string;
    state: string;
    attempts: number;
    next_attempt_at: number;
    last_error: string;
    created_at: number;
    sent_at: number | null;
    sequence: number;
  };
  /** Incidents that a message about several of them is about. */
  outbox_incidents: { incident_id: string; outbox_id: string };
  templates: { id: string; service: string; template: string; first_seen: number; severity: number; example: string };
  deploys: { service: string; at: number; from_version: string; to_version: string };
  spans: {
    trace_id: string;
    span_id: string;
    parent_id: string;
    service: string;
    name: string;
    start_at: number;
    duration_ms: number;
    error: number;
  };
  audit: { id: string; at: number; by: string; from_address: string; action: string; subject: string; detail: string };
  correlator: { id: number; state: string };
  correlator_pieces: { key: string; state: string };
  applied: { shard: string; sequence: number };
  silences: SuppressionRow;
  maintenance: SuppressionRow;
  models: { name: string; version: number; document: string };
  training_jobs: { id: string; at: number; document: string };
  triage_examples: { incident_id: string; opened_at: number; features: number; document: string };
  receiver_memory: { receiver: string; key: string; value: string; at: number };
}

/** `ends_at` null: it recurs for ever. */
export interface SuppressionRow {
  id: string;
  ends_at: number | null;
  updated_at: number;
  document: string;
}
