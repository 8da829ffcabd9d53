import type { LogTick } from '../../domain/signal/ticks.ts';
import type { EpochMs } from '../../domain/units.ts';

/** One learnt template. Empty `tokens` mark the catch-all of a service. */
export interface Template {
  service: number;
  severity: number;
  firstSeen: EpochMs;
  text: string | null;
  tokens: string[];
  example: string;
  /** Masked tokens as first seen: the stable part of the id. */
  seed: string;
  total: number;
}

export function createLogTick(): LogTick {
  const empty = new Int32Array(0);
  return {
    at: 0,
    durationMs: 0,
    length: 0,
    template: empty,
    count: empty,
    serviceLength: 0,
    service: empty,
    lines: empty,
    errors: empty,
  };
}

/** An evicted template keeps no object; the rest is copied deeply. */
export function copyOf(templates: readonly (Template | null)[]): (Template | null)[] {
  return templates.map((template) => (template === null ? null : { ...template, tokens: [...template.tokens] }));
}

export function grown<T extends Int32Array | Float64Array>(old: T, next: T): T {
  next.set(old);
  return next;
}
