import type { PromotedDetector, StateBlob } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { checkVersion } from '../../stats/blocks.ts';

export const SPECTRAL_RESIDUAL_OPTIONS = {
  ahead: { type: 'integer', default: 5, min: 0, max: 16, doc: 'Values guessed behind the newest one.' },
  smooth: { type: 'integer', default: 3, min: 1, max: 16, doc: 'Frequencies that the log spectrum is averaged over.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
/** Values of the window, those guessed included. */
const N = 64;
/** Points before the newest that the saliency is held against. */
const LOCAL = 21;

const COSINE = Float64Array.from({ length: N }, (_, i) => Math.cos((2 * Math.PI * i) / N));
const SINE = Float64Array.from({ length: N }, (_, i) => Math.sin((2 * Math.PI * i) / N));

/** Saliency of the newest value: what is left of the spectrum of 64 values when its smooth part is taken away (Ren et al. 2019). */
export function createSpectralResidual(
  options: Options<typeof SPECTRAL_RESIDUAL_OPTIONS> = defaultsOf(SPECTRAL_RESIDUAL_OPTIONS),
): PromotedDetector {
  const { ahead, smooth } = options;
  const input = new Float64Array(N);
  const real = new Float64Array(N);
  const imaginary = new Float64Array(N);
  const log = new Float64Array(N);
  const saliency = new Float64Array(N);

  /** `real` and `imaginary` of the discrete Fourier transform of `input`; 4,096 steps cost less than they are worth saving. */
  function transform(): void {
    for (let k = 0; k < N; k++) {
      let re = 0;
      let im = 0;
      for (let i = 0; i < N; i++) {
        const turn = (i * k) & (N - 1);
        re += input[i]! * COSINE[turn]!;
        im -= input[i]! * SINE[turn]!;
      }
      real[k] = re;
      imaginary[k] = im;
    }
  }

  function toSaliency(): void {
    transform();
    for (let k = 0; k < N; k++) log[k] = Math.log(Math.hypot(real[k]!, imaginary[k]!) + 1e-8);
    for (let k = 0; k < N; k++) {
      let mean = 0;
      for (let j = 0; j < smooth; j++) mean += log[(k - j + N) & (N - 1)]!;
      const size = Math.exp(log[k]! - mean / smooth) / (Math.exp(log[k]!) + 1e-12);
      real[k] = real[k]! * size;
      imaginary[k] = imaginary[k]! * size;
    }
    for (let i = 0; i < N; i++) {
      let re = 0;
      let im = 0;
      for (let k = 0; k < N; k++) {
        const turn = (i * k) & (N - 1);
        re += real[k]! * COSINE[turn]! - imaginary[k]! * SINE[turn]!;
        im += real[k]! * SINE[turn]! + imaginary[k]! * COSINE[turn]!;
      }
      saliency[i] = Math.hypot(re, im) / N;
    }
  }

  return {
    name: 'spectral-residual',
    bytesPerSlot: 0,
    grow() {},
    score(_slot, values, length) {
      const own = N - ahead;
      if (length < own) return Number.NaN;
      for (let i = 0; i < own; i++) input[i] = values[length - own + i]!;
      // The mean slope of the values before the newest, carried on. Unlike in the paper the newest has no part in it: the
      // values guessed behind a spike must not make it look like a step.
      let slope = 0;
      for (let j = 1; j <= 5; j++) slope += (input[own - 2]! - input[own - 2 - j]!) / j / 5;
      const next = input[own - 6]! + slope * 5;
      for (let i = own; i < N; i++) input[i] = next;
      toSaliency();
      let mean = 0;
      for (let i = own - LOCAL; i < own; i++) mean += saliency[i]! / LOCAL;
      return Math.max(0, (saliency[own - 1]! - mean) / (mean + 1e-3));
    },
    reset() {},
    save: (): StateBlob => ({ version: VERSION, arrays: {}, meta: null }),
    restore: (state) => checkVersion(state, VERSION, 'spectral-residual'),
  };
}
