import type { AnomalyKind } from '../domain/anomaly.ts';
import type { EpochMs } from '../domain/units.ts';
import type { SampleReason } from './series-scores.ts';

/** What a detector's alarm says about the form of an anomaly. */
const FORM: Readonly<Record<string, 'point' | 'time' | 'shift' | 'window' | 'flat'>> = {
  ewma: 'point',
  difference: 'point',
  holt: 'point',
  ar: 'point',
  quantile: 'point',
  seasonal: 'time',
  'mean-shift': 'shift',
  novelty: 'shift',
  twin: 'window',
  'run-length': 'flat',
};

/** Below this -log10 p a detector finds nothing special. */
const QUIET = 1.3;

/** Names the kind of an anomaly from which detectors fired and which stayed quiet. */
export function explainSample(
  names: readonly string[],
  weights: readonly number[],
  surprises: readonly Float32Array[],
  i: number,
  value: number,
  expected: number,
  onset: EpochMs,
): SampleReason {
  const strange = (name: string): number => surprises[names.indexOf(name)]?.[i] ?? 0;
  const shares = names.map((name, d) => ({ name, share: weights[d]! * surprises[d]![i]! }));
  const total = shares.reduce((sum, { share }) => sum + share, 0);
  const contributions = shares
    .filter(({ share }) => share > 0)
    .map(({ name, share }) => ({ name, share: share / total }))
    .sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1));
  const form = { point: 0, time: 0, shift: 0, window: 0, flat: 0 };
  for (const [d, name] of names.entries()) {
    const kind = FORM[name] ?? 'point';
    form[kind] = Math.max(form[kind], surprises[d]![i]!);
  }
  return { kind: kindOf(form, strange, value, expected), onset, contributions };
}

function kindOf(
  form: { point: number; time: number; shift: number; window: number; flat: number },
  strange: (name: string) => number,
  value: number,
  expected: number,
): AnomalyKind {
  const step = strange('difference');
  if (value === 0 && (form.point > QUIET || form.flat > QUIET) && Math.abs(expected) > 1e-9) return 'zero';
  if (form.flat > QUIET && form.flat >= form.point && form.flat >= form.window) return 'flat-line';
  if (form.time > QUIET && strange('quantile') < QUIET && form.time >= form.shift && step < form.time)
    return 'wrong-time';
  // A jump just now may still be a single sample: only without one is it a shift or a ramp.
  if (form.shift > QUIET && step < QUIET) return strange('ewma') > QUIET ? 'level-shift' : 'ramp';
  if (form.window > QUIET && form.window > form.point) return step > QUIET ? 'oscillation' : 'variance-change';
  return value < expected ? 'dip' : 'spike';
}
