import { logistic } from './table.ts';

/** From log-odds as a model claims them to a probability that came true. */
export type CalibrationData =
  | { readonly kind: 'platt'; readonly slope: number; readonly bias: number }
  /** Probabilities at scores in order, linear in between and level beyond. */
  | { readonly kind: 'isotonic'; readonly scores: readonly number[]; readonly values: readonly number[] };

export function calibrated(data: CalibrationData, score: number): number {
  if (data.kind === 'platt') return logistic(data.slope * score + data.bias);
  const { scores, values } = data;
  let low = 0;
  let high = scores.length - 1;
  if (high < 0) return 0.5;
  if (score <= scores[0]!) return values[0]!;
  if (score >= scores[high]!) return values[high]!;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (scores[middle]! <= score) low = middle;
    else high = middle;
  }
  const share = (score - scores[low]!) / (scores[high]! - scores[low]!);
  return values[low]! + share * (values[high]! - values[low]!);
}

/**
 * Platt's sigmoid: two numbers, so it serves from some twenty labels on; targets are pulled in by one label a class (Platt
 * 1999), solved by Newton's method with a line search (Lin, Lin & Weng 2007). The slope is never negative: a model that ranks
 * the wrong way round is a model to refuse, not to turn over.
 */
export function fitPlatt(scores: ArrayLike<number>, labels: ArrayLike<number>): CalibrationData {
  const n = scores.length;
  let positives = 0;
  for (let i = 0; i < n; i++) positives += labels[i]!;
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (n - positives + 2);
  const target = Float64Array.from({ length: n }, (_, i) => (labels[i] === 1 ? high : low));
  const lossAt = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const z = a * scores[i]! + b;
      sum += (z >= 0 ? (1 - target[i]!) * z : -target[i]! * z) + Math.log1p(Math.exp(-Math.abs(z)));
    }
    return sum;
  };
  let slope = 0;
  let bias = Math.log((positives + 1) / (n - positives + 1));
  let loss = lossAt(slope, bias);
  for (let iteration = 0; iteration < 100; iteration++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 1e-12, 0, 1e-12];
    for (let i = 0; i < n; i++) {
      const s = scores[i]!;
      const p = logistic(slope * s + bias);
      const d = p - target[i]!;
      const h = p * (1 - p);
      ga += d * s;
      gb += d;
      haa += h * s * s;
      hab += h * s;
      hbb += h;
    }
    if (Math.abs(ga) < 1e-9 && Math.abs(gb) < 1e-9) break;
    const det = haa * hbb - hab * hab;
    const da = -(hbb * ga - hab * gb) / det;
    const db = -(haa * gb - hab * ga) / det;
    let step = 1;
    for (; step > 1e-10; step /= 2) {
      const next = lossAt(slope + step * da, bias + step * db);
      if (next < loss + 1e-4 * step * (ga * da + gb * db)) {
        slope += step * da;
        bias += step * db;
        loss = next;
        break;
      }
    }
    if (step <= 1e-10) break;
  }
  return slope >= 0
    ? { kind: 'platt', slope, bias }
    : { kind: 'platt', slope: 0, bias: Math.log((positives + 1) / (n - positives + 1)) };
}

/** Isotonic regression by pooling adjacent violators; takes some thousand labels before it beats Platt. */
export function fitIsotonic(scores: ArrayLike<number>, labels: ArrayLike<number>): CalibrationData {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  const blocks: { from: number; to: number; sum: number; weight: number }[] = [];
  for (let i = 0; i < order.length; ) {
    const score = scores[order[i]!]!;
    const block = { from: score, to: score, sum: 0, weight: 0 };
    for (; i < order.length && scores[order[i]!]! === score; i++) {
      block.sum += labels[order[i]!]!;
      block.weight++;
    }
    blocks.push(block);
    while (blocks.length > 1) {
      const last = blocks.at(-1)!;
      const before = blocks.at(-2)!;
      if (before.sum / before.weight < last.sum / last.weight) break;
      blocks.length -= 2;
      blocks.push({ from: before.from, to: last.to, sum: before.sum + last.sum, weight: before.weight + last.weight });
    }
  }
  const out = { kind: 'isotonic' as const, scores: [] as number[], values: [] as number[] };
  for (const { from, to, sum, weight } of blocks) {
    for (const score of from === to ? [from] : [from, to]) {
      out.scores.push(score);
      out.values.push(sum / weight);
    }
  }
  return out;
}
