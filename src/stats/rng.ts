/** Deterministic random numbers: same seed, same sequence on every machine. Not for secrets. */
export interface Rng {
  /** Uniform in [0, 1), 32 bits fine. */
  next(): number;
  /** Uniform whole number in 0 .. n - 1. */
  int(n: number): number;
  /** Standard normal (Marsaglia's polar method). */
  normal(): number;
  /** Exponential with mean 1. */
  exponential(): number;
  /** Plain state; `createRng(0, state)` continues the sequence. */
  state(): readonly number[];
}

/** sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32. `state` continues a saved sequence. */
export function createRng(seed: number, state?: readonly number[]): Rng {
  const s = new Uint32Array(4);
  let spare = Number.NaN;
  if (state === undefined) {
    let z = seed >>> 0;
    for (let i = 0; i < 3; i++) {
      z = (z + 0x9e3779b9) >>> 0;
      s[i] = mixed(z);
    }
    s[3] = 1;
    for (let i = 0; i < 12; i++) bits();
  } else {
    s.set(state.slice(0, 4));
    spare = state[4] ?? Number.NaN;
  }

  function bits(): number {
    const a = s[0] as number;
    const b = s[1] as number;
    const c = s[2] as number;
    const d = s[3] as number;
    const out = (a + b + d) >>> 0;
    s[3] = d + 1;
    s[0] = b ^ (b >>> 9);
    s[1] = c + (c << 3);
    s[2] = ((c << 21) | (c >>> 11)) + out;
    return out;
  }

  function next(): number {
    return bits() / 4294967296;
  }

  return {
    next,
    int: (n) => Math.floor(next() * n),
    normal() {
      if (!Number.isNaN(spare)) {
        const ready = spare;
        spare = Number.NaN;
        return ready;
      }
      for (;;) {
        const x = 2 * next() - 1;
        const y = 2 * next() - 1;
        const r = x * x + y * y;
        if (r > 0 && r < 1) {
          const k = Math.sqrt((-2 * Math.log(r)) / r);
          spare = y * k;
          return x * k;
        }
      }
    },
    exponential: () => -Math.log(1 - next()),
    state: () => (Number.isNaN(spare) ? [...s] : [...s, spare]),
  };
}

function mixed(z: number): number {
  let x = z;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
