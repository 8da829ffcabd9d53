import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createAdwin } from './adwin/adwin.ts';
import { changesOf, driftStream } from './fixtures/streams.ts';
import { createPageHinkley } from './page-hinkley/page-hinkley.ts';

interface Case {
  readonly kind: string;
  readonly size: number;
  readonly seed: number;
  readonly adwin: readonly number[];
  readonly pageHinkley: readonly number[];
}

const { rows, cases } = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/river.json'), 'utf8')) as {
  rows: number;
  cases: readonly Case[];
};

/** A gradual change is over after 1,000 rows and may be told again while it goes on; any other alarm beside the first is false. */
const GRADUAL_ROWS = 1_000;

interface Tally {
  changes: number;
  missed: number;
  /** Rows from a change to the first alarm, up to the next change; what is missed counts in full. */
  delay: number;
  falseAlarms: number;
}

function tally(found: (one: Case) => readonly number[], of: readonly Case[]): Tally {
  const out: Tally = { changes: 0, missed: 0, delay: 0, falseAlarms: 0 };
  for (const one of of) {
    const alarms = found(one);
    const changes = changesOf(one.kind, rows);
    out.falseAlarms += alarms.filter((at) => at < (changes[0] ?? rows)).length;
    changes.forEach((from, i) => {
      const to = changes[i + 1] ?? rows;
      const own = alarms.filter((at) => at >= from && at < to);
      out.changes++;
      if (own.length === 0) out.missed++;
      out.delay += (own[0] ?? to) - from;
      out.falseAlarms += own.slice(1).filter((at) => one.kind !== 'gradual' || at > from + GRADUAL_ROWS + 500).length;
    });
  }
  return out;
}

function detections(create: () => { update(x: number): boolean }): Map<Case, number[]> {
  return new Map(
    cases.map((one) => {
      const detector = create();
      const found: number[] = [];
      driftStream(one.kind, one.size, one.seed, rows).forEach((x, row) => {
        if (detector.update(x)) found.push(row);
      });
      return [one, found];
    }),
  );
}

describe.each([
  ['ADWIN', 'adwin', createAdwin],
  ['Page-Hinkley', 'pageHinkley', createPageHinkley],
] as const)("%s against River's on the same streams", (_, name, create) => {
  const ours = detections(() => create());

  test.each(['none', 'sudden', 'gradual', 'recurring'])('%s: delay and false alarms are no worse', (kind) => {
    const of = cases.filter((one) => one.kind === kind);
    const river = tally((one) => one[name], of);
    const own = tally((one) => ours.get(one)!, of);
    expect(own.changes).toBe(river.changes);
    expect(own.missed).toBeLessThanOrEqual(river.missed);
    expect(own.delay).toBeLessThanOrEqual(river.delay);
    expect(own.falseAlarms).toBeLessThanOrEqual(river.falseAlarms);
  });
});

test("Page-Hinkley speaks on the very rows on which River's does", () => {
  const ours = detections(() => createPageHinkley());
  for (const one of cases) expect(ours.get(one), `${one.kind} ${one.size} ${one.seed}`).toEqual(one.pageHinkley);
});
