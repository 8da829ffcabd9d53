/** Values beyond this are not numbers of any metric and would overflow 32-bit state; they are treated as missing. */
export const LARGEST = 1e30;

/** Share of the level that a scale never goes below: a near-constant series must not turn a 1 % step into 100 sigma. */
export const RELATIVE_FLOOR = 0.003;

/**
 * The scale (in units of the value) to divide a residual by.
 *
 * @param scale Learnt standard deviation.
 * @param level Learnt level; the floor is relative to it.
 * @param fractional 0 while only whole numbers were seen. A step of 1 is the least a count can do, so that counts get half
 *   a unit as floor.
 */
export function flooredScale(scale: number, level: number, fractional: number): number {
  const least = fractional === 0 ? 0.5 : 1e-12;
  return Math.max(scale, Math.abs(level) * RELATIVE_FLOOR, least);
}
