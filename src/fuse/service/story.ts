import type { EpochMs } from '../../domain/units.ts';
import { logGamma } from './combine-p.ts';

/** Surprise (-log10 p) from which on a look at a signal is remembered: p < 1e-2. */
export const NOTABLE = 2;
/** How long a notable look counts for its service, ms of event time. */
export const STORY_SPAN = 120_000;
/** Looks at one family closer together than this are one, the strongest: a metric once a minute gives a look each time. */
const LOOK = 50_000;
/** What one look can say at most, in decades beyond `NOTABLE`: of one signal p is trusted down to 10^-3.5. */
const MOST = 1.5;
/** What a family says once more a little later is worth half: noise lasts as well. */
const AGAIN = 0.5;
/** How many times as independent families are as series: the series of a family are not. */
const FREER = 2.5;
/** Expected notable looks are at least so many: a service of few points has no free surprise. */
const SMALLEST_RATE = 0.03;

interface Look {
  readonly family: string;
  /** When this look began. */
  readonly at: EpochMs;
  readonly surprise: number;
}

interface Row {
  /** Judged points, exponentially forgotten over `STORY_SPAN`. */
  readonly points: number;
  readonly at: EpochMs;
  readonly looks: readonly Look[];
}

export type StoryState = readonly (readonly [service: number, row: Row])[];

/** A look at a signal: what it measures and how strange it was, as -log10 p. */
export interface Told {
  readonly family: string;
  readonly surprise: number;
}

/**
 * What several moderately strange signals of a service say together over two minutes. Signals of one family (the
 * quantiles of a latency, CPU in cores and in shares of the limit, the pods of one metric) measure one thing and count
 * once. Under the null the surprise beyond 2 of a look is exponential, and such looks come as a Poisson process: their
 * sum is compound Poisson, in which magnitude and number both count. State: about 40 bytes a notable look of two minutes.
 */
export interface Story {
  /**
   * p of what was told in the two minutes before `at`, with the looks of the tick that ends there, if a share `ratio` of
   * its points and of those before is independent; 1 with fewer than two notable looks. Changes nothing.
   */
  p(service: number, at: EpochMs, looks: readonly Told[], points: number, ratio: number): number;
  /** Remembers the looks and judged points of the tick that ended at `at`; once a tick. */
  tell(service: number, at: EpochMs, looks: readonly Told[], points: number): void;
  save(): StoryState;
  restore(state: StoryState): void;
}

/** What a metric is about: the first three words of its name; rates are another thing than sizes. */
export function familyOf(metric: string): string {
  const words = metric.split(/[._]/);
  return `${words.slice(0, 3).join('.')}${words.at(-1) === 'rate' ? ' rate' : ''}`;
}

export function createStory(): Story {
  let rows = new Map<number, Row>();

  /** The row as of `at`, with these looks and points. */
  function grown(service: number, at: EpochMs, fresh: readonly Told[], points: number): Row {
    const before = rows.get(service) ?? { points: 0, at, looks: [] };
    const looks = before.looks.filter((look) => at - look.at < STORY_SPAN);
    for (const { family, surprise } of fresh) {
      if (!(surprise > NOTABLE)) continue;
      const last = looks.findLastIndex((look) => look.family === family);
      if (last < 0 || at - looks[last]!.at > LOOK) looks.push({ family, at, surprise });
      else if (surprise > looks[last]!.surprise) looks[last] = { family, at: looks[last]!.at, surprise };
    }
    return { points: before.points * Math.exp(Math.min(0, before.at - at) / STORY_SPAN) + points, at, looks };
  }

  return {
    p(service, at, fresh, points, ratio) {
      const row = grown(service, at, fresh, points);
      // One look is no story: the tick that brought it has said it.
      if (row.looks.length < 2) return 1;
      const most = new Map<string, number>();
      let sum = 0;
      for (const { family, surprise } of row.looks) {
        const excess = Math.min(MOST, surprise - NOTABLE);
        const before = most.get(family) ?? 0;
        sum += before === 0 ? excess : Math.max(0, excess - before) + AGAIN * Math.min(before, excess);
        most.set(family, Math.max(before, excess));
      }
      // Families of one service move together as its series do, though less: both sum and rate shrink alike (as `countP`).
      const share = Math.min(1, FREER * ratio);
      return excessP(sum * share, Math.max(SMALLEST_RATE, row.points * ratio * 10 ** -NOTABLE));
    },
    tell(service, at, fresh, points) {
      const row = grown(service, at, fresh, points);
      rows.set(service, row);
    },
    save: () => [...rows],
    restore(state) {
      rows = new Map(state);
    },
  };
}

/** P(sum of N exponential excesses of mean 1 / ln 10 >= `excess`), N Poisson of mean `rate`. */
export function excessP(excess: number, rate: number): number {
  const x = excess * Math.LN10;
  let total = 0;
  // Tail of the sum of k excesses (Erlang): e^-x times the first k terms of e^x.
  let term = Math.exp(-x);
  let tail = 0;
  for (let k = 1; k <= 1000; k += 1) {
    tail += term;
    term *= x / k;
    const weight = Math.exp(k * Math.log(rate) - rate - logGamma(k + 1));
    total += weight * Math.min(1, tail);
    if (k > rate && weight < 1e-12) break;
  }
  return Math.min(1, total);
}
