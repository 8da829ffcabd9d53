import type { Shape } from './shape.ts';

export interface Filter {
  /** Fewest and most values, the piped one included. */
  readonly takes: readonly [number, number];
  readonly apply: (values: readonly unknown[]) => unknown;
  /** What comes out, where a path goes on from it. */
  readonly shape?: (shapes: readonly Shape[]) => Shape;
}

/** Go's rule: false, 0, empty text, list or map, and what is not there. */
export function truthy(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

const text = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
const number = (value: unknown): number => (typeof value === 'number' ? value : Number(text(value)) || 0);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const MAX_TEXT = 65_536;

const onText = (change: (value: string) => string): Filter => ({
  takes: [1, 1],
  apply: ([value]) => change(text(value)).slice(0, MAX_TEXT),
  shape: () => ({ kind: 'text' }),
});
const compare = (test: (a: unknown, b: unknown) => boolean): Filter => ({
  takes: [2, 2],
  apply: ([a, b]) => test(a, b),
  shape: () => ({ kind: 'boolean' }),
});
const order = (a: unknown, b: unknown): number =>
  typeof a === 'number' || typeof b === 'number'
    ? number(a) - number(b)
    : text(a) < text(b)
      ? -1
      : text(a) > text(b)
        ? 1
        : 0;
const same = (a: unknown, b: unknown): boolean =>
  typeof a === 'number' || typeof b === 'number' ? number(a) === number(b) : text(a) === text(b);

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };
const iso = (ms: number): string =>
  Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString().replace('.000Z', 'Z') : '';

function span(ms: number): string {
  let rest = Math.round(Math.abs(ms) / 1_000);
  const parts: string[] = [];
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0 && parts.length < 2) parts.push(`${n}${unit}`);
  }
  return parts.length === 0 ? '0s' : parts.join('');
}

/** Every filter; README.md lists them, and a test holds that list equal. */
export const FILTERS: Readonly<Record<string, Filter>> = {
  upper: onText((value) => value.toUpperCase()),
  lower: onText((value) => value.toLowerCase()),
  title: onText((value) =>
    value.replace(/(^|\s)(\p{L})/gu, (_, gap: string, letter: string) => gap + letter.toUpperCase()),
  ),
  trim: onText((value) => value.trim()),
  html: onText((value) => value.replace(/[&<>"']/g, (c) => HTML[c]!)),
  urlquery: onText((value) => encodeURIComponent(value.toWellFormed())),
  json: { takes: [1, 1], apply: ([value]) => JSON.stringify(value ?? null), shape: () => ({ kind: 'text' }) },
  truncate: {
    takes: [2, 2],
    apply: ([limit, value]) => {
      const most = Math.max(1, Math.floor(number(limit)));
      const whole = Array.from(text(value).slice(0, MAX_TEXT));
      return whole.length <= most ? whole.join('') : `${whole.slice(0, most - 1).join('')}…`;
    },
    shape: () => ({ kind: 'text' }),
  },
  replace: {
    takes: [3, 3],
    apply: ([from, to, value]) =>
      text(from) === ''
        ? text(value)
        : text(value)
            .replaceAll(text(from), () => text(to))
            .slice(0, MAX_TEXT),
    shape: () => ({ kind: 'text' }),
  },
  default: {
    takes: [2, 2],
    apply: ([fallback, value]) => (truthy(value) ? value : fallback),
    shape: ([, value]) => value!,
  },
  join: {
    takes: [2, 2],
    apply: ([by, value]) => list(value).map(text).join(text(by)).slice(0, MAX_TEXT),
    shape: () => ({ kind: 'text' }),
  },
  first: {
    takes: [2, 2],
    apply: ([n, value]) => list(value).slice(0, Math.max(0, number(n))),
    shape: ([, value]) => value!,
  },
  len: {
    takes: [1, 1],
    apply: ([value]) =>
      typeof value === 'string'
        ? value.length
        : value !== null && typeof value === 'object'
          ? Object.keys(value).length
          : 0,
    shape: () => ({ kind: 'number' }),
  },
  index: {
    takes: [2, 2],
    apply: ([value, key]) =>
      value !== null && typeof value === 'object' && Object.hasOwn(value, text(key))
        ? (value as Record<string, unknown>)[text(key)]
        : undefined,
    shape: ([value]) => (value?.kind === 'list' || value?.kind === 'map' ? value.item : { kind: 'any' }),
  },
  percent: {
    takes: [1, 1],
    apply: ([value]) => `${Math.round(number(value) * 100)} %`,
    shape: () => ({ kind: 'text' }),
  },
  round: {
    takes: [2, 2],
    apply: ([digits, value]) => number(value).toFixed(Math.min(20, Math.max(0, Math.floor(number(digits))))),
    shape: () => ({ kind: 'text' }),
  },
  date: {
    takes: [1, 1],
    apply: ([value]) => (truthy(value) ? iso(number(value)) : ''),
    shape: () => ({ kind: 'text' }),
  },
  duration: { takes: [1, 1], apply: ([value]) => span(number(value)), shape: () => ({ kind: 'text' }) },
  eq: {
    takes: [2, 8],
    apply: ([value, ...others]) => others.some((other) => same(value, other)),
    shape: () => ({ kind: 'boolean' }),
  },
  ne: compare((a, b) => !same(a, b)),
  lt: compare((a, b) => order(a, b) < 0),
  le: compare((a, b) => order(a, b) <= 0),
  gt: compare((a, b) => order(a, b) > 0),
  ge: compare((a, b) => order(a, b) >= 0),
  contains: {
    takes: [2, 2],
    apply: ([part, value]) =>
      Array.isArray(value) ? value.some((item) => same(item, part)) : text(value).includes(text(part)),
    shape: () => ({ kind: 'boolean' }),
  },
  not: { takes: [1, 1], apply: ([value]) => !truthy(value), shape: () => ({ kind: 'boolean' }) },
  and: { takes: [1, 8], apply: (values) => values.find((value) => !truthy(value)) ?? values.at(-1) },
  or: { takes: [1, 8], apply: (values) => values.find(truthy) ?? values.at(-1) },
};
