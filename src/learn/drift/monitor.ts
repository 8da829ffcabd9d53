import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { DriftClass, DriftFinding, DriftKind } from '../../domain/learning/drift.ts';
import { DAY, type EpochMs, HOUR, MINUTE } from '../../domain/units.ts';
import { createRng } from '../../stats/rng.ts';
import { createAdwin } from './adwin/adwin.ts';
import { ksTest } from './ks/ks.ts';
import { createPageHinkley } from './page-hinkley/page-hinkley.ts';
import { psi } from './psi/psi.ts';

/** p below which a value is counted, and the shares of a day's values that may be. */
const STRANGE = 2;
const LEAST_SHARE = 0.005;
const MOST_SHARE = 0.02;
/** Fewer values say nothing about a share of 1 %. */
const LEAST_VALUES = 5_000;
/** p below which a value counts for the sequential tests: a tenth of all is enough to see a change within the hour. */
const NOTABLE = 1;
/** Values a minute below which its share is not looked at. */
const LEAST_A_MINUTE = 20;
const SAMPLE = 1_000;
const BINS = 10;
const HOURS = 24;
/** Share of p below 0.1 that there should be. */
const NOMINAL = 0.1;
/** Minutes at the beginning of a class that the sequential tests are not told: models of new series are still rough. */
const LEARNING = 240;
/** Changes of the share, in units of the nominal one, that are none that matter: of the mean, and a minute. */
const LEAST_MOVE = 0.5;
const SLACK = 0.25;
const LASTING = 40;
/** Minutes with values that make a day to compare: the rest of one is another mix of hours. */
const WHOLE_DAY = 1_000;
/** A change that the sequential tests told stays a finding for so long. */
const TOLD = DAY;
const SEQUENTIAL = { adwin: 0, 'page-hinkley': 1 } as const;

interface Watched {
  readonly counts: Float64Array;
  readonly strange: Float64Array;
  /** Values and notable ones of the open minute. */
  minute: [number, number];
  readonly adwin: ReturnType<typeof createAdwin>;
  readonly pageHinkley: ReturnType<typeof createPageHinkley>;
  /** Minutes with values so far, and of the open day behind `LEARNING`. */
  minutes: number;
  minutesToday: number;
  /** Sample of the open day's p-values, and of the day before. */
  today: number[];
  seenToday: number;
  yesterday: number[];
}

/**
 * Watches the p-values of each class of series: how many are small over a day, whether their share a minute moves (ADWIN,
 * Page-Hinkley), and whether a day's distribution is another than the day before (KS, PSI). Deterministic; a class takes 26 KB.
 */
export function createDriftMonitor() {
  const classes = new Map<string, Watched>();
  const findings = new Map<string, DriftFinding>();
  let rng = createRng(1);
  let minute = -1;
  let hour = -1;
  let day = -1;

  const classOf = (name: string): Watched => {
    let found = classes.get(name);
    if (found === undefined) {
      found = watched();
      classes.set(name, found);
    }
    return found;
  };

  function set(
    name: string,
    kind: DriftKind,
    at: EpochMs,
    drifted: boolean,
    statistic: number,
    threshold: number,
    text: string,
  ): void {
    const key = `${name}\n${kind}`;
    const open = findings.get(key);
    if (drifted) findings.set(key, { class: name, kind, since: open?.since ?? at, at, statistic, threshold, text });
    else if (open !== undefined && !(kind in SEQUENTIAL && at - open.at < TOLD)) findings.delete(key);
  }

  function closeMinute(at: EpochMs): void {
    for (const [name, one] of classes) {
      const [values, notable] = one.minute;
      one.minute = [0, 0];
      if (values < LEAST_A_MINUTE) continue;
      one.minutes++;
      if (one.minutes <= LEARNING) continue;
      one.minutesToday++;
      // In units of what it should be: loads come and go by the hour, and shares with them by a fifth or so.
      const share = notable / values / NOMINAL;
      const before = one.adwin.mean;
      const moved = one.adwin.update(share) && one.adwin.statistic > LEAST_MOVE;
      set(
        name,
        'adwin',
        at,
        moved,
        one.adwin.statistic,
        Math.max(one.adwin.threshold, LEAST_MOVE),
        `p-values below 0.1 are no longer ${before.toFixed(2)} times as common as they should be`,
      );
      const { pageHinkley } = one;
      set(
        name,
        'page-hinkley',
        at,
        pageHinkley.update(share),
        pageHinkley.statistic,
        pageHinkley.threshold,
        'p-values below 0.1 become more or less common than they were, for an hour or so',
      );
    }
  }

  function closeHour(at: EpochMs): void {
    for (const [name, one] of classes) {
      const values = one.counts.reduce((sum, x) => sum + x, 0);
      const share = values === 0 ? 0 : one.strange.reduce((sum, x) => sum + x, 0) / values;
      const outside = values >= LEAST_VALUES && (share < LEAST_SHARE || share > MOST_SHARE);
      const limit = share < LEAST_SHARE ? LEAST_SHARE : MOST_SHARE;
      const text = `${(100 * share).toFixed(2)} % of the p-values of a day are below 0.01; 0.5 to 2 % should be`;
      set(name, 'uniformity', at, outside, share, limit, text);
    }
  }

  function closeDay(at: EpochMs): void {
    for (const [name, one] of classes) {
      const a = Float64Array.from(one.yesterday).sort();
      const b = Float64Array.from(one.today).sort();
      if (one.minutesToday >= WHOLE_DAY && a.length >= SAMPLE / 2 && b.length >= SAMPLE / 2) {
        const distance = ksTest(a, b);
        set(
          name,
          'ks',
          at,
          distance.drifted,
          distance.statistic,
          distance.threshold,
          'the p-values of a day are spread otherwise than those of the day before',
        );
        const shares = psi(histogram(a), histogram(b));
        set(
          name,
          'psi',
          at,
          shares.drifted,
          shares.statistic,
          shares.threshold,
          'shares of small and large p-values are others than the day before',
        );
      }
      one.yesterday = one.minutesToday < WHOLE_DAY ? [] : one.today;
      one.today = [];
      one.minutesToday = 0;
      one.seenToday = 0;
    }
  }

  return {
    /** Time goes on to `at` (event time): minutes, hours and days that ended are closed. Earlier times change nothing. */
    advance(at: EpochMs): void {
      const now = Math.floor(at / MINUTE);
      if (minute < 0) {
        minute = now;
        hour = Math.floor(at / HOUR);
        day = Math.floor(at / DAY);
      }
      if (now <= minute) return;
      minute = now;
      closeMinute(at);
      const nowHour = Math.floor(at / HOUR);
      if (nowHour > hour) {
        closeHour(at);
        for (let h = hour + 1; h <= Math.min(nowHour, hour + HOURS); h++)
          for (const one of classes.values()) one.counts[h % HOURS] = one.strange[h % HOURS] = 0;
        hour = nowHour;
      }
      const nowDay = Math.floor(at / DAY);
      if (nowDay > day) {
        closeDay(at);
        day = nowDay;
      }
    },

    /** A p-value of a series of this class, as -log10 p; 0 says nothing and is left out. */
    add(name: string, surprise: number): void {
      if (!(surprise > 0)) return;
      const one = classOf(name);
      const slot = hour < 0 ? 0 : hour % HOURS;
      one.counts[slot]!++;
      if (surprise > STRANGE) one.strange[slot]!++;
      one.minute[0]++;
      if (surprise > NOTABLE) one.minute[1]++;
      if (one.minutes < LEARNING) return;
      one.seenToday++;
      if (one.today.length < SAMPLE) one.today.push(10 ** -surprise);
      else {
        const at = rng.int(one.seenToday);
        if (at < SAMPLE) one.today[at] = 10 ** -surprise;
      }
    },

    findings: (): readonly DriftFinding[] => [...findings.values()],

    classes: (): readonly DriftClass[] =>
      [...classes].map(([name, one]) => {
        const values = one.counts.reduce((sum, x) => sum + x, 0);
        const strange = one.strange.reduce((sum, x) => sum + x, 0);
        return { class: name, values, share: values === 0 ? null : strange / values, enough: values >= LEAST_VALUES };
      }),

    save(): StateBlob {
      const meta = {
        minute,
        hour,
        day,
        rng: [...rng.state()],
        findings: [...findings.values()],
        classes: [...classes].map(([name, one]) => ({
          name,
          counts: [...one.counts],
          strange: [...one.strange],
          minute: [...one.minute] as const,
          minutes: one.minutes,
          minutesToday: one.minutesToday,
          today: [...one.today],
          seenToday: one.seenToday,
          yesterday: [...one.yesterday],
        })),
      };
      const arrays: Record<string, Float64Array<ArrayBuffer>> = {};
      const tests: Record<string, unknown> = {};
      for (const [name, one] of classes)
        for (const [kind, test] of Object.entries({ adwin: one.adwin, 'page-hinkley': one.pageHinkley })) {
          const saved = test.save();
          tests[`${name}/${kind}`] = { version: saved.version, meta: saved.meta };
          for (const [part, column] of Object.entries(saved.arrays))
            arrays[`${name}/${kind}/${part}`] = Float64Array.from(column as Float64Array);
        }
      return { version: VERSION, arrays, meta: { ...meta, tests } };
    },

    /** @throws TocsinError `state_version`. */
    restore(state: StateBlob): void {
      if (state.version !== VERSION) throw new TocsinError('state_version', `drift monitor state ${state.version}`);
      const meta = state.meta as unknown as SavedMonitor;
      ({ minute, hour, day } = meta);
      rng = createRng(0, meta.rng);
      findings.clear();
      for (const finding of meta.findings) findings.set(`${finding.class}\n${finding.kind}`, finding);
      classes.clear();
      for (const { name, counts, strange, ...rest } of meta.classes) {
        const one: Watched = {
          ...watched(),
          ...rest,
          minute: [...rest.minute],
          today: [...rest.today],
          yesterday: [...rest.yesterday],
        };
        one.counts.set(counts);
        one.strange.set(strange);
        for (const [kind, test] of Object.entries({ adwin: one.adwin, 'page-hinkley': one.pageHinkley })) {
          const key = `${name}/${kind}`;
          const arrays = Object.fromEntries(
            Object.entries(state.arrays).flatMap(([path, column]) =>
              path.startsWith(`${key}/`) ? [[path.slice(key.length + 1), column]] : [],
            ),
          );
          test.restore({ ...meta.tests[key]!, arrays });
        }
        classes.set(name, one);
      }
    },
  };
}

const VERSION = 2;

interface SavedMonitor {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly rng: readonly number[];
  readonly findings: readonly DriftFinding[];
  readonly classes: readonly ({
    readonly name: string;
    readonly counts: readonly number[];
    readonly strange: readonly number[];
  } & Pick<Watched, 'minute' | 'minutes' | 'minutesToday' | 'today' | 'seenToday' | 'yesterday'>)[];
  readonly tests: Readonly<Record<string, { readonly version: number; readonly meta: Record<string, unknown> }>>;
}

function watched(): Watched {
  return {
    counts: new Float64Array(HOURS),
    strange: new Float64Array(HOURS),
    minute: [0, 0],
    adwin: createAdwin(),
    pageHinkley: createPageHinkley({ delta: SLACK, lambda: LASTING, min_samples: 30, alpha: 0.9999 }),
    minutes: 0,
    minutesToday: 0,
    today: [],
    seenToday: 0,
    yesterday: [],
  };
}

/** Equal bins of p, which is uniform when all is well. */
function histogram(p: Float64Array): number[] {
  const bins = new Array<number>(BINS).fill(0);
  for (const x of p) bins[Math.min(BINS - 1, Math.floor(x * BINS))]!++;
  return bins;
}
