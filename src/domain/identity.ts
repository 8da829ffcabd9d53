import type { DecisionRecord } from './decision.ts';

/**
 * A stable id of 16 hex digits from the given parts: same parts, same id, on every machine and after every restart.
 * Two 32-bit multiply-xor lanes over UTF-16 units (cyrb style), with a separator so that ('ab','c') differs from ('a','bc').
 * Not for adversaries; for naming things so that a repeated step names them the same.
 */
export function stableId(...parts: readonly (string | number)[]): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (const part of parts) {
    const text = typeof part === 'string' ? part : String(part);
    for (let i = 0; i <= text.length; i += 1) {
      const unit = i < text.length ? text.charCodeAt(i) : 0x1ffff;
      a = Math.imul(a ^ unit, 2654435761);
      b = Math.imul(b ^ unit, 1597334677);
    }
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (b >>> 0).toString(16).padStart(8, '0') + (a >>> 0).toString(16).padStart(8, '0');
}

/** Which model and which configuration decided; stamped on every decision record. */
export interface DecisionStamp {
  readonly modelVersion: string;
  readonly configHash: string;
}

/** A decision record with its deterministic id (stage, subject, time, outcome). */
export function decisionRecord(
  stamp: DecisionStamp,
  fields: Omit<DecisionRecord, 'id' | 'modelVersion' | 'configHash' | 'value' | 'limit'> & {
    readonly value?: number | null;
    readonly limit?: number | null;
  },
): DecisionRecord {
  return {
    id: stableId(fields.stage, fields.tenant, fields.subject, fields.at, fields.outcome),
    at: fields.at,
    tenant: fields.tenant,
    service: fields.service,
    subject: fields.subject,
    stage: fields.stage,
    outcome: fields.outcome,
    reason: fields.reason,
    value: fields.value ?? null,
    limit: fields.limit ?? null,
    modelVersion: stamp.modelVersion,
    configHash: stamp.configHash,
  };
}
