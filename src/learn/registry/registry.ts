import { TocsinError } from '../../domain/error.ts';
import type { ModelRecord } from '../../domain/learning/model.ts';
import type { EpochMs } from '../../domain/units.ts';

/** Everything that the registry changes at once: written in one transaction, so that there is never none or two champions. */
export type RegistryChange = readonly ModelRecord[];

export const nameOf = ({ name, version }: Pick<ModelRecord, 'name' | 'version'>): string => `${name}@${version}`;

/** The version in use, if any. */
export function championOf(records: readonly ModelRecord[], name: string): ModelRecord | null {
  return records.find((record) => record.name === name && record.state === 'champion') ?? null;
}

/** `name@version`, or `name` for the champion. @throws TocsinError `not_found`, `invalid_request`. */
export function findModel(records: readonly ModelRecord[], reference: string): ModelRecord {
  const [, name, version] = /^([a-z][a-z0-9-]*)(?:@(\d+))?$/.exec(reference) ?? [];
  if (name === undefined) throw new TocsinError('invalid_request', `'${reference}' is not NAME or NAME@VERSION`);
  const found =
    version === undefined
      ? championOf(records, name)
      : records.find((record) => record.name === name && record.version === Number(version));
  if (found === null || found === undefined)
    throw new TocsinError(
      'not_found',
      version === undefined ? `${name} has no champion` : `there is no model ${reference}`,
    );
  return found;
}

export function nextVersion(records: readonly ModelRecord[], name: string): number {
  return records.reduce((most, record) => (record.name === name ? Math.max(most, record.version) : most), 0) + 1;
}

/** Makes a version the champion. @throws TocsinError `not_found`, `conflict` while another is pinned. */
export function promote(records: readonly ModelRecord[], reference: string, at: EpochMs): RegistryChange {
  const next = findModel(records, reference);
  const champion = championOf(records, next.name);
  if (champion?.version === next.version) return [];
  if (champion?.pinned === true)
    throw new TocsinError('conflict', `${nameOf(champion)} is pinned: unpin it before another version is promoted`);
  return [
    ...(champion === null ? [] : [{ ...champion, state: 'retired' as const }]),
    { ...next, state: 'champion', promotions: [...next.promotions, at] },
  ];
}

/**
 * Back to the version that was champion before this one; without one, to what comes with the program (then there is no champion).
 * @throws TocsinError `not_found` without a champion, `conflict` while it is pinned.
 */
export function rollback(records: readonly ModelRecord[], name: string, at: EpochMs): RegistryChange {
  const champion = championOf(records, name);
  if (champion === null) throw new TocsinError('not_found', `${name} has no champion to roll back`);
  if (champion.pinned) throw new TocsinError('conflict', `${nameOf(champion)} is pinned: unpin it first`);
  const since = champion.promotions.at(-1) ?? 0;
  const before = records
    .filter((record) => record.name === name && record.version !== champion.version)
    .map((record) => ({ record, last: record.promotions.filter((time) => time <= since).at(-1) ?? -1 }))
    .filter(({ last }) => last >= 0)
    .sort((a, b) => b.last - a.last || b.record.version - a.record.version)[0]?.record;
  return [
    { ...champion, state: 'retired' },
    ...(before === undefined
      ? []
      : [{ ...before, state: 'champion' as const, promotions: [...before.promotions, at] }]),
  ];
}

/** @throws TocsinError `conflict` for a version that is not in use. */
export function pin(records: readonly ModelRecord[], reference: string, pinned: boolean): RegistryChange {
  const record = findModel(records, reference);
  if (pinned && record.state !== 'champion')
    throw new TocsinError('conflict', `${nameOf(record)} is not in use: only a champion can be pinned`);
  return record.pinned === pinned ? [] : [{ ...record, pinned }];
}
