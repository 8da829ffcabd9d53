import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelRecord } from '../../domain/learning/model.ts';
import { championOf, findModel, nextVersion, pin, promote, type RegistryChange, rollback } from './registry.ts';

const record = (version: number, over: Partial<ModelRecord> = {}): ModelRecord => ({
  name: 'lstm',
  version,
  format: 'tocsin-lstm',
  state: 'candidate',
  pinned: false,
  createdAt: version,
  createdBy: 'mira',
  promotions: [],
  data: null,
  config: {},
  code: '1',
  metrics: {},
  bytes: 1,
  checksum: String(version),
  parents: [],
  note: '',
  ...over,
});

function applied(records: readonly ModelRecord[], change: RegistryChange): readonly ModelRecord[] {
  return records.map((old) => change.find((next) => next.name === old.name && next.version === old.version) ?? old);
}

const champions = (records: readonly ModelRecord[]): number[] =>
  records.filter(({ state }) => state === 'champion').map(({ version }) => version);

describe('registry', () => {
  it('promotes, and rolls back step by step to what was in use before', () => {
    let records: readonly ModelRecord[] = [record(1), record(2), record(3)];
    for (const [i, version] of [1, 2, 3].entries())
      records = applied(records, promote(records, `lstm@${version}`, 10 + i));
    expect(champions(records)).toEqual([3]);
    records = applied(records, rollback(records, 'lstm', 20));
    expect(champions(records)).toEqual([2]);
    expect(findModel(records, 'lstm').version).toBe(2);
    expect(records[2]).toMatchObject({ state: 'retired', promotions: [12] });
  });

  it('rolls the first champion back to what comes with the program', () => {
    const records = applied([record(1)], promote([record(1)], 'lstm@1', 5));
    expect(champions(applied(records, rollback(records, 'lstm', 6)))).toEqual([]);
  });

  it('leaves a pinned champion alone until it is unpinned', () => {
    let records: readonly ModelRecord[] = [record(1), record(2)];
    expect(() => pin(records, 'lstm@1', true)).toThrow(/not in use/);
    records = applied(records, promote(records, 'lstm@1', 1));
    records = applied(records, pin(records, 'lstm', true));
    expect(() => promote(records, 'lstm@2', 2)).toThrow(/lstm@1 is pinned/);
    expect(() => rollback(records, 'lstm', 2)).toThrow(/pinned/);
    records = applied(records, pin(records, 'lstm@1', false));
    expect(champions(applied(records, promote(records, 'lstm@2', 2)))).toEqual([2]);
  });

  it('has at most one champion a name, whatever is done to it', () => {
    const deed = fc.tuple(fc.constantFrom('promote', 'rollback', 'pin', 'unpin'), fc.integer({ min: 1, max: 4 }));
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 20 }), (deeds) => {
        const other = record(1, { name: 'triage', state: 'champion', promotions: [1] });
        let records: readonly ModelRecord[] = [other, ...[1, 2, 3, 4].map((version) => record(version))];
        for (const [at, [what, version]] of deeds.entries()) {
          try {
            const change =
              what === 'promote'
                ? promote(records, `lstm@${version}`, at)
                : what === 'rollback'
                  ? rollback(records, 'lstm', at)
                  : pin(records, `lstm@${version}`, what === 'pin');
            records = applied(records, change);
          } catch {
            // A refusal changes nothing.
          }
          expect(champions(records.filter(({ name }) => name === 'lstm')).length).toBeLessThan(2);
          expect(championOf(records, 'triage')).toEqual(other);
        }
      }),
    );
  });

  it('says what is wrong with a reference', () => {
    expect(() => findModel([], 'lstm@1')).toThrow('there is no model lstm@1');
    expect(() => findModel([record(1)], 'lstm')).toThrow('lstm has no champion');
    expect(() => findModel([], '../x')).toThrow(/NAME@VERSION/);
    expect([nextVersion([], 'lstm'), nextVersion([record(1), record(4)], 'lstm')]).toEqual([1, 5]);
  });
});
