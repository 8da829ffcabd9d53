/** The zone that this browser shows times in. */
export const zoneOfReader = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Zones to choose from: the reader's and UTC first. */
export function zones(current: string): string[] {
  return [...new Set([zoneOfReader(), 'UTC', current, ...Intl.supportedValuesOf('timeZone')])];
}
