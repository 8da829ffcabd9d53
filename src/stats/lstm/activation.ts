const LIMIT = 7.905311107635498;

/**
 * tanh to about 3e-7: the rational function of Eigen and XLA, the same as in the kernel. Plain arithmetic, unlike `Math.tanh`,
 * so that training gives the same weights on every machine.
 */
export function tanhOf(value: number): number {
  const x = value > LIMIT ? LIMIT : value < -LIMIT ? -LIMIT : value;
  const s = x * x;
  let p = -2.76076847742355e-16;
  p = p * s + 2.00018790482477e-13;
  p = p * s - 8.60467152213735e-11;
  p = p * s + 5.12229709037114e-8;
  p = p * s + 1.48572235717979e-5;
  p = p * s + 6.37261928875436e-4;
  p = p * s + 4.89352455891786e-3;
  let q = 1.19825839466702e-6;
  q = q * s + 1.18534705686654e-4;
  q = q * s + 2.268434632439e-3;
  q = q * s + 4.89352518554385e-3;
  return (x * p) / q;
}

export function sigmoidOf(value: number): number {
  return 0.5 + 0.5 * tanhOf(0.5 * value);
}

/** e^x within +-12 or so: enough for scales, and plain arithmetic. */
export function expOf(value: number): number {
  const t = tanhOf(value * 0.125);
  const r = (1 + t) / (1 - t);
  const square = r * r;
  return square * square;
}
