import { createRng, type Rng } from '../../stats/rng.ts';

type Family = (rng: Rng, length: number) => Float64Array;

const between = (rng: Rng, low: number, high: number): number => low + (high - low) * rng.next();
const build = (length: number, value: (i: number) => number): Float64Array =>
  Float64Array.from({ length }, (_, i) => value(i));

/** Autoregressive noise of unit size. */
function coloured(rng: Rng, memory: number): () => number {
  let state = 0;
  const kick = Math.sqrt(1 - memory * memory);
  return () => {
    state = memory * state + kick * rng.normal();
    return state;
  };
}

function wave(rng: Rng, period: number): (i: number) => number {
  const parts = [1, 2, 3].map((k) => ({ k, size: rng.next() / k, phase: rng.next() * 2 * Math.PI }));
  return (i) =>
    parts.reduce((sum, { k, size, phase }) => sum + size * Math.sin((2 * Math.PI * k * i) / period + phase), 0);
}

/** What operations data look like, by family; sizes do not matter, the network sees normalised values. */
const FAMILIES: Readonly<Record<string, Family>> = {
  /** Request rate or CPU with a period, short ones too (cron, batch, cache expiry). */
  seasonal(rng, length) {
    const shape = wave(rng, [12, 30, 60, 288, 1440][rng.int(5)]!);
    const noise = coloured(rng, between(rng, 0, 0.9));
    const size = between(rng, 0.05, 0.6);
    return build(length, (i) => 10 + shape(i) + size * noise());
  },
  /** Utilisation: slow wandering under fast noise. */
  wandering(rng, length) {
    const slow = coloured(rng, between(rng, 0.95, 0.999));
    const fast = coloured(rng, between(rng, 0, 0.5));
    const share = between(rng, 0.1, 1);
    return build(length, () => 50 + 10 * slow() + 10 * share * fast());
  },
  /** Independent noise: the best forecast is the level. */
  noise(rng, length) {
    return build(length, () => 100 + 5 * rng.normal());
  },
  /** Heap or disk: a slope and a collection that takes it back. */
  sawtooth(rng, length) {
    const period = between(rng, 8, 120);
    const jitter = between(rng, 0, 0.3);
    let level = 0;
    return build(length, () => {
      level += (1 + jitter * rng.normal()) / period;
      if (level > 1 + 0.1 * rng.normal()) level = 0.1 * rng.next();
      return 200 + 80 * level;
    });
  },
  /** A job that is on and off. */
  duty(rng, length) {
    const period = 5 + rng.int(60);
    const on = 1 + rng.int(period - 1);
    const size = between(rng, 0.02, 0.2);
    return build(length, (i) => (i % period < on ? 5 : 1) + size * rng.normal());
  },
  /** Errors and retries: counts, mostly small, in bursts. */
  counts(rng, length) {
    const rate = between(rng, 0.2, 8);
    const drive = coloured(rng, 0.95);
    return build(length, () => poisson(rng, rate * Math.exp(0.6 * drive())));
  },
  /** Latency: skewed, with a tail that comes in clusters. */
  latency(rng, length) {
    const drive = coloured(rng, between(rng, 0.5, 0.97));
    const spread = between(rng, 0.1, 0.6);
    return build(length, () => 20 * Math.exp(spread * (0.7 * drive() + 0.7 * rng.normal())));
  },
  /** Noise whose size changes. */
  volatile(rng, length) {
    const drive = coloured(rng, 0.99);
    return build(length, () => 30 + Math.exp(drive()) * rng.normal());
  },
  /** Levels that change now and then: deploys, scaling. */
  levels(rng, length) {
    const stay = between(rng, 60, 600);
    const noise = coloured(rng, between(rng, 0, 0.7));
    let level = 0;
    return build(length, () => {
      if (rng.next() < 1 / stay) level = 3 * rng.normal();
      return 40 + 5 * level + noise();
    });
  },
};

function poisson(rng: Rng, rate: number): number {
  let sum = rng.exponential();
  let count = 0;
  while (sum < rate && count < 1000) {
    sum += rng.exponential();
    count++;
  }
  return count;
}

/** Names of the families, in the order in which series come. */
export const SYNTHETIC_FAMILIES: readonly string[] = Object.keys(FAMILIES);

/** Series of every family in turn, in their own units; same seed, same series. */
export function syntheticSeries(count: number, length: number, seed: number): readonly Float64Array[] {
  const families = Object.values(FAMILIES);
  const rng = createRng(seed);
  return Array.from({ length: count }, (_, i) => families[i % families.length]!(rng, length));
}
