import type { Matcher } from '../../../src/domain/alerting/matcher.ts';

export const OPERATORS = ['=', '!=', '=~', '!~'] as const;
export type Operator = (typeof OPERATORS)[number];

export const operatorOf = ({ isEqual, isRegex }: Pick<Matcher, 'isEqual' | 'isRegex'>): Operator =>
  isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=';

export const matcherOf = (name: string, operator: Operator, value: string): Matcher => ({
  name,
  value,
  isRegex: operator.endsWith('~'),
  isEqual: operator.startsWith('='),
});

export const textOf = (matchers: readonly Matcher[]): string =>
  matchers.map((m) => `${m.name}${operatorOf(m)}${JSON.stringify(m.value)}`).join(', ');

/** `service="pay", severity=~"critical|warning"` as in a link; what cannot be read is left out: the server has the last word. */
export function matchersIn(text: string): Matcher[] {
  const found = text.matchAll(/([A-Za-z_][\w.:]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"{}]+))/g);
  return [...found].map(([, name = '', operator = '=', quoted, bare]) =>
    matcherOf(name, operator as Operator, quoted === undefined ? (bare ?? '') : quoted.replaceAll(/\\(.)/g, '$1')),
  );
}

/** `severity=critical service="a b"` as labels, the way `tocsin config routes test` takes them. */
export function labelsIn(text: string): Record<string, string> {
  return Object.fromEntries(matchersIn(text).flatMap((m) => (operatorOf(m) === '=' ? [[m.name, m.value]] : [])));
}
