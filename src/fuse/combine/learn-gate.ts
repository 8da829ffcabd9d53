import type { StateBlob } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { MINUTE } from '../../domain/units.ts';
import { createRows } from '../../stats/rows.ts';

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
  /** `modeOf` each sample. */
  modes(length: number, series: Int32Array, out: Uint8Array): void;
  /** `update` of each sample that is `known`, into `changePoint`, and the extent of all; a series at most once. */
  updateAll(
    length: number,
    series: Int32Array,
    time: Float64Array,
    surprise: Float64Array,
    known: Uint8Array,
    changePoint: Uint8Array,
    extent: Float32Array,
  ): void;
  onsetOf(series: number): number;
  reset(series: number): void;
  copy(from: number, to: number): void;
  save(): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
const WIDTH = 8;
const FROZEN = 4;
const FAST_LEFT = 5;
const EXTENT = 6;

export function createLearnGate(
  options: Options<typeof LEARN_GATE_OPTIONS> = defaultsOf(LEARN_GATE_OPTIONS),
): LearnGate {
  const rows = createRows(WIDTH);
  let f64: Float64Array = new Float64Array(0);
  const { freezeSurprise, freezeFor, freezeSamples, anchorSamples, extentFade, onsetSurprise } = options;

  function update(series: number, time: number, surprise: number): boolean {
    const f = rows.f32;
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
    grow(capacity) {
      rows.grow(capacity);
      f64 = new Float64Array(rows.f32.buffer);
    },
    modeOf(series) {
      const o = series * WIDTH;
      if (rows.f32[o + FAST_LEFT]! > 0) return LEARN.fast;
      return rows.f32[o + FROZEN]! > 0 ? LEARN.frozen : LEARN.usual;
    },
    update,
    modes(length, series, out) {
      const f = rows.f32;
      for (let i = 0; i < length; i++) {
        const o = series[i]! * WIDTH;
        out[i] = f[o + FAST_LEFT]! > 0 ? LEARN.fast : f[o + FROZEN]! > 0 ? LEARN.frozen : LEARN.usual;
      }
    },
    updateAll(length, series, time, surprise, known, changePoint, extent) {
      const f = rows.f32;
      const calm = Math.min(onsetSurprise, freezeSurprise);
      for (let i = 0; i < length; i++) {
        const o = series[i]! * WIDTH;
        changePoint[i] = 0;
        if (known[i] === 1) {
          const strange = surprise[i]!;
          if (strange < calm && f[o + FAST_LEFT] === 0) {
            const faded = f[o + EXTENT]! * extentFade;
            f[o + EXTENT] = strange > faded ? strange : faded;
            f[o + FROZEN] = 0;
          } else if (update(series[i]!, time[i]!, strange)) changePoint[i] = 1;
        }
        extent[i] = f[o + EXTENT]!;
      }
    },
    extentOf: (series) => rows.f32[series * WIDTH + EXTENT]!,
    onsetOf: (series) => f64[series * 4 + 1]!,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore(state) {
      rows.restore(state, VERSION);
      f64 = new Float64Array(rows.f32.buffer);
    },
  };
}
