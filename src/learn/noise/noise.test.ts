import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY, MINUTE } from '../../domain/units.ts';
import { VERDICTS, type VerdictKind } from '../../domain/verdict.ts';
import { type LedgerEntry, noiseLedger } from './noise.ts';

const evidence = (p: number, ...shares: readonly [string, number][]) =>
  ({ p, contributions: shares.map(([name, share]) => ({ name, share })) }) as never;

function entry(
  over: Partial<LedgerEntry['incident']> & { kind?: VerdictKind; pages?: readonly number[] } = {},
): LedgerEntry {
  const { kind, pages = [], ...rest } = over;
  return {
    incident: {
      openedAt: 0,
      services: ['checkout'],
      causes: [],
      evidence: [],
      team: 'shop',
      acknowledgedAt: null,
      verdict:
        kind === undefined
          ? null
          : { id: 'v', subject: 'incident', subjectId: 'i', kind, comment: '', by: 'mira', at: 1 },
      ...rest,
    },
    pages,
  };
}

test('rows say what pages were worth, those with the most pages first', () => {
  const cause = [{ service: 'payments', share: 1, onset: 0, reasons: [] }];
  const report = noiseLedger(
    [
      entry({ kind: 'real', pages: [1, 2], acknowledgedAt: 3 * MINUTE, causes: cause }),
      entry({ kind: 'false-alarm', pages: [5], causes: cause, team: 'money' }),
      entry({ pages: [], acknowledgedAt: 9 * MINUTE }),
      entry({ kind: 'expected' }),
    ],
    0,
    14 * DAY,
  );
  expect(report.total).toMatchObject({
    incidents: 4,
    pages: 3,
    pagesPerWeek: 1.5,
    acknowledged: 0.5,
    acknowledgedAfter: 3 * MINUTE,
  });
  expect(report.total.verdicts).toEqual({ real: 1, 'false-alarm': 1, expected: 1, 'new-normal': 0 });
  expect(report.total.precision).toBeCloseTo(1 / 3);
  expect(report.service.map(({ name, pages }) => [name, pages])).toEqual([
    ['payments', 3],
    ['checkout', 0],
  ]);
  expect(report.service[1]).toMatchObject({ acknowledged: null, precision: 0 });
  expect(report.team.map(({ name }) => name)).toEqual(['shop', 'money']);
});

test('an incident is of the detector that said most, by surprise', () => {
  const one = entry({ evidence: [evidence(1e-6, ['novelty', 0.6], ['ewma', 0.4]), evidence(1e-2, ['ewma', 1])] });
  // novelty 3.6, ewma 2.4 + 2
  expect(noiseLedger([one], 0, DAY).detector.map(({ name }) => name)).toEqual(['ewma']);
  expect(noiseLedger([entry()], 0, DAY).detector[0]!.name).toBe('');
});

test('intervals are those of the textbook and hold the precision; rows add up to the total', () => {
  const half = noiseLedger(
    Array.from({ length: 10 }, (_, i) => entry({ kind: i < 5 ? 'real' : 'false-alarm' })),
    0,
    DAY,
  ).total;
  expect(half.low).toBeCloseTo(0.2366, 3);
  expect(half.high).toBeCloseTo(0.7634, 3);
  const entries = fc.array(
    fc.record({
      kind: fc.option(fc.constantFrom(...VERDICTS), { nil: undefined }),
      team: fc.constantFrom('a', 'b', ''),
      pages: fc.array(fc.nat(), { maxLength: 3 }),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(entries, (all) => {
      const report = noiseLedger(
        all.map(({ kind, ...rest }) => entry({ ...rest, ...(kind === undefined ? {} : { kind }) })),
        0,
        DAY,
      );
      const sum = (rows: readonly { readonly pages: number }[]): number => rows.reduce((s, { pages }) => s + pages, 0);
      for (const rows of [report.service, report.team, report.detector]) expect(sum(rows)).toBe(report.total.pages);
      const { precision, low, high } = report.total;
      if (precision !== null) {
        expect(low!).toBeLessThanOrEqual(precision + 1e-12);
        expect(high!).toBeGreaterThanOrEqual(precision - 1e-12);
      }
    }),
  );
});
