import type { StateBlob } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { MINUTE } from '../../domain/units.ts';
import { createRows, type Rows } from '../../stats/rows.ts';

export const LEARN_GATE_OPTIONS = {
  freezeSurprise: { type: 'number', default: 3, min: 1, max: 6, doc: 'Learning stops while -log10 p is above this.' },
  freezeFor: {
    type: 'duration',
    default: 30 * MINUTE,
    min: 0,
    doc: 'Longest stop, in event time; then the change is accepted.',
  },
  freezeSamples: { type: 'integer', default: 60, min: 1, doc: 'Longest stop, in samples.' },
  anchorSamples: {
    type: 'integer',
    default: 30,
    min: 1,
    doc: 'Samples learnt eight times as fast once a change is accepted.',
  },
  extentFade: {
    type: 'number',
    default: 0.98,
    min: 0,
    max: 1,
    doc: 'Share of the extent that is left one sample later.',
  },
  onsetSurprise: {
    type: 'number',
    default: 2,
    min: 0.5,
    max: 6,
    doc: 'An event begins where -log10 p first rises above this.',
  },
} as const satisfies OptionsSpec;

/** How a sample is to be learnt: not at all, as usual, or eight times as fast (re-anchoring after a lasting change). */
export const LEARN = { frozen: 0, usual: 1, fast: 2 } as const;

/**
 * Per series: whether the next sample may be learnt, since when the series is out of its range, and how far the event
 * still extends. An anomaly is not learnt; one that lasts is accepted, once and visibly, as a change point.
 */
export interface LearnGate {
  readonly bytesPerSeries: number;
  grow(capacity: number): void;
  modeOf(series: number): number;
  /** Takes the surprise of the sample at `time`; @returns true where a change point is accepted. */
  update(series: number, time: number, surprise: number): boolean;
  extentOf(series: number): number;
  /** Below this surprise, and not learning fast, a sample only lets the extent fade by `fade`. */
  readonly calm: number;
  readonly fade: number;
  onsetOf(series: number): number;
  reset(series: number): void;
  copy(from: number, to: number): void;
  save(live?: boolean): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
const WIDTH = 8;
/** What the kernel of the ordinary course (`fuse/ordinary-course.ts`) has to know. */
export const GATE = { width: WIDTH } as const;
const FROZEN = 4;
const FAST_LEFT = 5;
const EXTENT = 6;

export function createLearnGate(
  options: Options<typeof LEARN_GATE_OPTIONS> = defaultsOf(LEARN_GATE_OPTIONS),
  rows: Rows = createRows(WIDTH),
): LearnGate {
  let seen = rows.f32;
  let times: Float64Array = new Float64Array(0);
  const { freezeSurprise, freezeFor, freezeSamples, anchorSamples, extentFade, onsetSurprise } = options;

  /** The times of all rows; rows move when they grow. */
  function timesOf(): Float64Array {
    if (seen !== rows.f32) {
      seen = rows.f32;
      times = new Float64Array(seen.buffer, seen.byteOffset, seen.length >> 1);
    }
    return times;
  }

  function update(series: number, time: number, surprise: number): boolean {
    const f = rows.f32;
    const f64 = timesOf();
    const o = series * WIDTH;
    const extent = f[o + EXTENT]! * extentFade;
    if (surprise >= onsetSurprise && extent < onsetSurprise) f64[series * 4 + 1] = time;
    f[o + EXTENT] = surprise > extent ? surprise : extent;
    const fastLeft = f[o + FAST_LEFT]!;
    if (fastLeft > 0) {
      f[o + FAST_LEFT] = fastLeft - 1;
      return false;
    }
    if (surprise < freezeSurprise) {
      f[o + FROZEN] = 0;
      return false;
    }
    const frozen = f[o + FROZEN]!;
    if (frozen === 0) f64[series * 4] = time;
    f[o + FROZEN] = frozen + 1;
    if (frozen + 1 < freezeSamples && time - f64[series * 4]! < freezeFor) return false;
    f[o + FROZEN] = 0;
    f[o + FAST_LEFT] = anchorSamples;
    return true;
  }

  return {
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    modeOf(series) {
      const o = series * WIDTH;
      if (rows.f32[o + FAST_LEFT]! > 0) return LEARN.fast;
      return rows.f32[o + FROZEN]! > 0 ? LEARN.frozen : LEARN.usual;
    },
    update,
    calm: Math.min(onsetSurprise, freezeSurprise),
    fade: extentFade,
    extentOf: (series) => rows.f32[series * WIDTH + EXTENT]!,
    onsetOf: (series) => timesOf()[series * 4 + 1]!,
    reset: rows.reset,
    copy: rows.copy,
    save: (live) => rows.save(VERSION, null, live),
    restore: (state) => rows.restore(state, VERSION),
  };
}
