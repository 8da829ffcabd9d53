import type { ZoneOffset } from '../../domain/alerting/suppression.ts';

const formats = new Map<string, Intl.DateTimeFormat | null>();
/** Offsets change at most every quarter of an hour: one answer serves that long. */
const STEP = 900_000;
const MAX_CACHED = 50_000;
const cache = new Map<string, number>();

/** Offsets of IANA time zones from the ICU data of Node; `Local` is the zone of this machine. */
export const zoneOffset: ZoneOffset = (zone, at) => {
  if (zone === 'UTC') return 0;
  const key = `${zone} ${Math.floor(at / STEP)}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const format = formatOf(zone);
  if (format === null) return null;
  const moment = Math.floor(at / 1_000) * 1_000;
  const parts = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
  const local = Date.UTC(
    parts['year']!,
    parts['month']! - 1,
    parts['day'],
    parts['hour'],
    parts['minute'],
    parts['second'],
  );
  const offset = local - moment;
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(key, offset);
  return offset;
};

function formatOf(zone: string): Intl.DateTimeFormat | null {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  let format: Intl.DateTimeFormat | null = null;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      ...(zone === 'Local' ? {} : { timeZone: zone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    // Not a zone: remembered as such.
  }
  if (formats.size < 1_000) formats.set(zone, format);
  return format;
}
