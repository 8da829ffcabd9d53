/** Bits of a float32 below the top five of its mantissa, as in `stats/sketch`. */
const DROPPED_BITS = 18;
const f32 = new Float32Array(1);
const bits = new Int32Array(f32.buffer);

/**
 * A mergeable sketch of any finite values: weight by bin, where a bin is the exponent and the top five mantissa bits of a float32
 * and negative values are mirrored. Relative error of a quantile at most 1/65. The twin of flink's SketchQuantiles.java.
 */
export type ValueSketch = Map<number, number>;

export function addValue(sketch: ValueSketch, value: number, weight = 1): void {
  if (!Number.isFinite(value) || !(weight > 0)) return;
  f32[0] = Math.abs(value);
  const bin = bits[0]! >> DROPPED_BITS;
  const key = value < 0 ? -bin - 1 : bin;
  sketch.set(key, (sketch.get(key) ?? 0) + weight);
}

export function mergeSketch(into: ValueSketch, from: ReadonlyMap<number, number>): void {
  for (const [bin, weight] of from) into.set(bin, (into.get(bin) ?? 0) + weight);
}

/** The value below which a share `q` of the weight lies; NaN when there is none. */
export function sketchQuantile(sketch: ValueSketch, q: number): number {
  const bins = [...sketch].sort(([a], [b]) => a - b);
  const total = bins.reduce((sum, [, weight]) => sum + weight, 0);
  const rank = q * (total - 1);
  let below = 0;
  for (const [bin, weight] of bins) {
    below += weight;
    if (below > rank) return middle(bin);
  }
  return bins.length === 0 ? Number.NaN : middle(bins.at(-1)![0]);
}

function middle(bin: number): number {
  if (bin < 0) return -middle(-bin - 1);
  bits[0] = bin << DROPPED_BITS;
  const low = f32[0]!;
  bits[0] = (bin + 1) << DROPPED_BITS;
  return (low + f32[0]!) / 2;
}
