import { parseDuration } from '../../config/duration.ts';
import { DAY, type DurationMs, type EpochMs, HOUR } from '../../domain/units.ts';
import type { Rng } from '../../stats/rng.ts';

/** One sample of a written series: a number, nothing (`_`), or the mark that the series ended (`stale`). */
export type Sample = number | null | 'stale';

interface Place {
  readonly at: EpochMs;
  /** Position within its term and length of the term. */
  readonly i: number;
  readonly n: number;
  readonly before: number;
  readonly rng: Rng;
}

interface Term {
  /** How many samples, or for how long. */
  readonly samples: number | null;
  readonly span: DurationMs | null;
  readonly sample: (place: Place) => Sample;
}

/** A parsed `values:` text; `expand` writes it out as samples `every` ms from `start` on. */
export interface Values {
  expand(start: EpochMs, every: DurationMs, rng: Rng): Sample[];
}

interface Shape {
  readonly min: number;
  readonly max: number;
  readonly sample: (args: readonly number[]) => Term['sample'];
}

/** Made-up signals: what a baseline is learnt from. Arguments may be durations. */
const SHAPES: Readonly<Record<string, Shape>> = {
  normal: {
    min: 2,
    max: 2,
    sample:
      ([mean, sd]) =>
      ({ rng }) =>
        mean! + sd! * rng.normal(),
  },
  uniform: {
    min: 2,
    max: 2,
    sample:
      ([low, high]) =>
      ({ rng }) =>
        low! + (high! - low!) * rng.next(),
  },
  poisson: {
    min: 1,
    max: 1,
    sample:
      ([mean]) =>
      ({ rng }) =>
        poisson(mean!, rng),
  },
  daily: {
    min: 2,
    max: 4,
    sample:
      ([mean, swing, noise = Math.abs(mean!) * 0.02, peak = 14 * HOUR]) =>
      ({ at, rng }) =>
        mean! + swing! * Math.cos((2 * Math.PI * ((at % DAY) - peak)) / DAY) + noise * rng.normal(),
  },
  ramp: {
    min: 2,
    max: 3,
    sample:
      ([from, to, noise = 0]) =>
      ({ i, n, rng }) =>
        from! + (to! - from!) * (n > 1 ? i / (n - 1) : 1) + (noise === 0 ? 0 : noise * rng.normal()),
  },
  grow: {
    min: 1,
    max: 2,
    sample:
      ([step, noise = 0]) =>
      ({ before, rng }) =>
        (Number.isFinite(before) ? before : 0) + Math.max(0, step! + (noise === 0 ? 0 : noise * rng.normal())),
  },
};

/** Beyond it a typing slip, not a test. */
const MOST_SAMPLES = 5_000_000;
const NUMBER = String.raw`(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf|nan`;
const PLAIN = new RegExp(`^([+-]?(?:${NUMBER}))(?:([+-](?:${NUMBER})))?(?:x(\\S+))?$`, 'i');
const CALL = /^([a-z]+)\(([^()]*)\)(?:x(\S+))?$/;
const GAP = /^(_|stale)(?:x(\S+))?$/;

/**
 * Reads promtool's notation (`1+0x60 5x10 _x3 stale`: `axN` is a and N more, `a+bxN` counts up, `_xN` is N times nothing)
 * and shapes with noise (`normal(100, 5)x720`: exactly 720). A count may be a duration (`x2h`), then exactly so long.
 * @throws Error in words for people.
 */
export function parseValues(text: string): Values {
  const parts = text.trim().match(/[^\s(]+(?:\([^)]*\)\S*)?/g) ?? [];
  if (parts.length === 0) throw new Error('no values; write for example 5x10 or normal(100, 5)x2h');
  const terms = parts.map(parseTerm);
  return {
    expand(start, every, rng) {
      const out: Sample[] = [];
      let before = Number.NaN;
      for (const term of terms) {
        const n = term.samples ?? Math.round(term.span! / every);
        if (out.length + n > MOST_SAMPLES) throw new Error(`more than ${MOST_SAMPLES} values`);
        for (let i = 0; i < n; i++) {
          const sample = term.sample({ at: start + out.length * every, i, n, before, rng });
          if (typeof sample === 'number') before = sample;
          out.push(sample);
        }
      }
      return out;
    },
  };
}

function parseTerm(text: string): Term {
  const gap = GAP.exec(text);
  if (gap !== null) return { ...count(text, gap[2], 0), sample: () => (gap[1] === '_' ? null : 'stale') };
  const call = CALL.exec(text);
  if (call !== null) {
    const shape = Object.hasOwn(SHAPES, call[1]!) ? SHAPES[call[1]!]! : null;
    if (shape === null)
      throw new Error(`'${text}': there is no shape '${call[1]}'; there are ${Object.keys(SHAPES).join(', ')}`);
    const args = call[2]!.split(',').map((arg) => argument(text, arg.trim()));
    if (args.length < shape.min || args.length > shape.max)
      throw new Error(
        `'${text}': ${call[1]} takes ${shape.min === shape.max ? shape.min : `${shape.min} to ${shape.max}`} arguments, not ${args.length}`,
      );
    return { ...count(text, call[3], 0), sample: shape.sample(args) };
  }
  const plain = PLAIN.exec(text);
  if (plain === null)
    throw new Error(`'${text}' is not a value; write 5, 5x10, 1+2x10, _x3, stale or a shape as normal(100, 5)x2h`);
  const from = numberOf(plain[1]!);
  const step = plain[2] === undefined ? 0 : numberOf(plain[2]);
  if (plain[2] !== undefined && plain[3] === undefined)
    throw new Error(`'${text}': how often? write for example ${text}x10`);
  return { ...count(text, plain[3], 1), sample: ({ i }) => (step === 0 ? from : from + step * i) };
}

/** @param extra what promtool adds to a written count. */
function count(text: string, written: string | undefined, extra: number): Pick<Term, 'samples' | 'span'> {
  if (written === undefined) return { samples: 1, span: null };
  if (/^\d+$/.test(written)) return { samples: Number(written) + extra, span: null };
  const span = parseDuration(written);
  if (span === null) throw new Error(`'${text}': '${written}' is neither a count nor a duration`);
  return { samples: null, span };
}

function argument(text: string, written: string): number {
  const value = /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(written) ? Number(written) : parseDuration(written);
  if (value === null || !Number.isFinite(value)) throw new Error(`'${text}': '${written}' is not a number`);
  return value;
}

function numberOf(text: string): number {
  const lower = text.toLowerCase();
  if (lower.endsWith('nan')) return Number.NaN;
  if (lower.endsWith('inf')) return lower.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}

/** Poisson draw; by the normal distribution where the mean is large. */
export function poisson(mean: number, rng: Rng): number {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * rng.normal()));
  const limit = Math.exp(-mean);
  let n = 0;
  for (let product = rng.next(); product > limit; product *= rng.next()) n++;
  return n;
}
