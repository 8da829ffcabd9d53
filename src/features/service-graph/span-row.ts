import type { SettledSpans } from '../../domain/signal/ticks.ts';

/**
 * 64 bytes a row. What a child needs of its parent is the first 48: allocators hand out buffers 16 bytes into a cache line,
 * and then those are still one line.
 */
export const WORDS = 16;
export const DOUBLES = 8;
export const ID_LO = 0;
export const ID_HI = 1;
export const SERVICE = 2;
export const OPERATION = 3;
export const DURATION = 2;
export const CHILD_SUM = 3;
export const CHILD_MIN = 4;
export const CHILD_MAX = 5;
/** The parent's id; once joined, its service and operation. */
export const PARENT_LO = 12;
export const PARENT_HI = 13;
export const FLAGS = 14;
export const TRACE = 15;
export const JOINED = 1;
export const ROOT = 2;
export const ERROR = 4;
export const CONSUMER = 8;

/** Spans taken through each of the loops together: their columns and rows stay in the first cache. */
export const CHUNK = 128;
/** Rows looked at for one id before it counts as unknown: the mean is half a row. */
export const MAX_STEPS = 16;
/** Row numbers wrap here, at a multiple of every row count; ages are differences under the same mask. */
export const NUMBER_MASK = 0x3fffffff;

/** Ids of some senders count in their last bytes, the high bits here: folded down before the last multiplication. */
export function hashOf(lo: number, hi: number): number {
  const folded = lo ^ Math.imul(hi, 0x85ebca6b | 0);
  const mixed = Math.imul(folded ^ (folded >>> 16), 0x9e3779b1 | 0);
  return mixed ^ (mixed >>> 15);
}

/**
 * Hands a settled row on as span `i` of `out`.
 *
 * Self time is duration minus min(sum of the children's durations, their envelope): exact for children that run one after
 * another and for children that all overlap; for mixtures the covered time is over-estimated, never beyond the envelope.
 * Consumers of messages do not cover their producer. Only durations of different hosts are compared, never their clocks.
 */
export function handRow(
  ints: Int32Array,
  doubles: Float64Array,
  gap: Float64Array,
  row: number,
  out: SettledSpans,
  i: number,
): void {
  const at = row * WORDS;
  const d = row * DOUBLES;
  const flags = ints[at + FLAGS] as number;
  const isJoined = (flags & JOINED) !== 0;
  const duration = doubles[d + DURATION] as number;
  const sum = doubles[d + CHILD_SUM] as number;
  const envelope = (doubles[d + CHILD_MAX] as number) - (doubles[d + CHILD_MIN] as number);
  // Without children the envelope is -Infinity.
  const covered = envelope >= 0 && sum > envelope ? envelope : sum;
  out.service[i] = ints[at + SERVICE] as number;
  out.operation[i] = ints[at + OPERATION] as number;
  out.parentService[i] = isJoined ? (ints[at + PARENT_LO] as number) : -1;
  out.parentOperation[i] = isJoined ? (ints[at + PARENT_HI] as number) : -1;
  out.durationMs[i] = duration;
  out.selfMs[i] = covered >= duration ? 0 : duration - covered;
  out.gapMs[i] = isJoined ? (gap[row] as number) : Number.NaN;
  out.error[i] = (flags & ERROR) === 0 ? 0 : 1;
  out.root[i] = (flags & ROOT) === 0 ? 0 : 1;
  out.trace[i] = ints[at + TRACE] as number;
}
