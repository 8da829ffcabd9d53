import type { WireRouting } from '../../../api/types.ts';

type Entry = WireRouting['intervals'][number]['entries'][number];

const ranges = (texts: readonly string[]): string =>
  texts.map((text) => text.replace(/^(.+):(.+)$/, (_, from: string, to: string) => `${from} to ${to}`)).join(', ');

/** One entry of a time interval in words: "saturday to sunday, 00:00 to 07:00 (Europe/Berlin)". */
export function intervalWords({ times, weekdays, daysOfMonth, months, years, zone }: Entry): string {
  const parts = [
    ranges(weekdays),
    daysOfMonth.length === 0 ? '' : `day ${ranges(daysOfMonth)} of the month`,
    ranges(months),
    ranges(years),
    times.map(({ start, end }) => `${start} to ${end}`).join(' and '),
  ].filter((part) => part !== '');
  return `${parts.length === 0 ? 'always' : parts.join(', ')} (${zone})`;
}
