import { compileMatchers, type Matcher } from './matcher.ts';

type Test = (labels: Readonly<Record<string, string>>) => boolean;

/** Silences or windows that can be asked which of them cover an incident, without trying each. */
export interface CoverIndex<T> {
  /** Those for which `covers` says yes, in the order given. */
  find(
    covers: (matches: Test, item: T) => boolean,
    story: { readonly services: readonly string[]; readonly causes: readonly { readonly service: string }[] },
  ): readonly T[];
}

/**
 * What names a service exactly can only cover a story that has that service (among its services or as its first cause), so it is
 * found by name; only the others are tried on every story. Ten thousand silences of one service each cost one look-up a service.
 * @throws TocsinError `invalid_request` for a bad matcher.
 */
export function createCoverIndex<T extends { readonly matchers: readonly Matcher[] }>(
  items: readonly T[],
): CoverIndex<T> {
  interface Entry {
    readonly at: number;
    readonly item: T;
    readonly matches: Test;
  }
  const byService = new Map<string, Entry[]>();
  const others: Entry[] = [];
  const all: Entry[] = [];
  items.forEach((item, at) => {
    const entry = { at, item, matches: compileMatchers(item.matchers) };
    all.push(entry);
    const named = item.matchers.find((m) => m.name === 'service' && m.isEqual && !m.isRegex);
    if (named === undefined) others.push(entry);
    else {
      const list = byService.get(named.value);
      if (list === undefined) byService.set(named.value, [entry]);
      else list.push(entry);
    }
  });
  return {
    find(covers, { services, causes }) {
      const names = new Set(services);
      if (causes[0] !== undefined) names.add(causes[0].service);
      // Without services the incident's own label counts, whatever it is.
      if (services.length === 0)
        return all.filter((entry) => covers(entry.matches, entry.item)).map((entry) => entry.item);
      const found: Entry[] = others.filter((entry) => covers(entry.matches, entry.item));
      for (const name of names)
        for (const entry of byService.get(name) ?? []) if (covers(entry.matches, entry.item)) found.push(entry);
      return found.sort((a, b) => a.at - b.at).map((entry) => entry.item);
    },
  };
}
