import { formatDuration } from '../../config/duration.ts';
import type { PolicyView } from '../../domain/alerting/alerting.ts';
import type { Policy } from '../../domain/alerting/policy.ts';

const DURATIONS = new Set(['deploy_grace', 'recover_after', 'within', 'settle']);

/** The policies as the page shows them: settings by the names of the configuration, in words. */
export const policyViews = (policies: readonly Policy[]): readonly PolicyView[] =>
  policies.map(({ name, matchers, ...settings }) => ({
    name,
    matchers,
    settings: Object.entries(settings).flatMap(([key, value]) =>
      value === undefined ? [] : [{ key, value: textOf(key, value) }],
    ),
  }));

function textOf(key: string, value: unknown): string {
  if (value === null) return 'none';
  if (typeof value === 'number') return DURATIONS.has(key) ? formatDuration(value) : String(value);
  if (Array.isArray(value) && key.startsWith('min_')) return `${value[0]} below, ${value[1]} above`;
  if (Array.isArray(value)) return value.map((item) => (item === null ? 'any' : String(item))).join(' to ');
  if (typeof value !== 'object') return String(value);
  if (key === 'days') return `${Object.keys(value).length} days`;
  return Object.entries(value)
    .map(([inner, of]) => `${inner} ${textOf(inner, of)}`)
    .join(', ');
}
