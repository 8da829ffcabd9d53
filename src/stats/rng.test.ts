import { describe, expect, it } from 'vitest';
import { createRng } from './rng.ts';

describe('createRng', () => {
  it('repeats its sequence for a seed and differs for another', () => {
    const take = (seed: number): number[] => {
      const rng = createRng(seed);
      return Array.from({ length: 20 }, () => rng.next());
    };
    expect(take(7)).toEqual(take(7));
    expect(take(7)).not.toEqual(take(8));
  });

  it('continues from a saved state, also in the middle of a pair of normals', () => {
    const rng = createRng(3);
    rng.normal();
    const copy = createRng(0, rng.state());
    expect([copy.normal(), copy.normal(), copy.int(1000)]).toEqual([rng.normal(), rng.normal(), rng.int(1000)]);
  });

  it('has the moments it promises', () => {
    const rng = createRng(11);
    const n = 100_000;
    let u = 0;
    let g = 0;
    let g2 = 0;
    let e = 0;
    const faces = new Int32Array(6);
    for (let i = 0; i < n; i++) {
      u += rng.next();
      const z = rng.normal();
      g += z;
      g2 += z * z;
      e += rng.exponential();
      faces[rng.int(6)]!++;
    }
    expect(u / n).toBeCloseTo(0.5, 2);
    expect(Math.abs(g / n)).toBeLessThan(0.02);
    expect(g2 / n).toBeCloseTo(1, 1);
    expect(e / n).toBeCloseTo(1, 1);
    for (const face of faces) expect(Math.abs(face / n - 1 / 6)).toBeLessThan(0.01);
  });
});
