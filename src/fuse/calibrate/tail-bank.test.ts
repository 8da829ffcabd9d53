import { describe, expect, test } from 'vitest';
import { compileKernel } from '../../../scripts/build-kernels.ts';
import { TAILS_WASM } from '../../stats/kernels/tails-wasm.ts';
import { createRng } from '../../stats/rng.ts';
import { createTailBank } from './tail-bank.ts';

/** The same tail of one detector of one series, in plain words and 64-bit numbers. */
class SlowTail {
  quantile = 0;
  excess = 0;
  n = 0;

  observe(score: number, learns: boolean): number {
    if (this.n === 0) {
      this.quantile = Math.max(1, score);
      this.excess = 0.3;
    }
    const ratio = score / this.quantile;
    const over = Math.log(Math.max(1, ratio));
    const surprise =
      ratio <= 1 ? (1.30103 / 2) * ratio * (1 + ratio) : Math.min(8, 1.30103 + (Math.LOG10E * over) / this.excess);
    if (!learns) {
      if (this.n === 0) this.quantile = this.excess = 0;
      return surprise;
    }
    const rate = this.n < 96 ? 1 / (this.n + 4) : 0.01;
    if (ratio > 1) {
      this.excess += 0.02 * (Math.min(over, 10 * this.excess) - this.excess);
      this.quantile *= 1 + rate * 0.95;
    } else this.quantile *= 1 - rate * 0.05;
    this.quantile = Math.max(1, this.quantile);
    this.excess = Math.max(0.12, this.excess);
    this.n = Math.min(255, this.n + 1);
    return surprise;
  }
}

describe.each([1, 2, 3, 4, 5, 7, 8, 10])('tails of %i detectors', (detectors) => {
  const SERIES = 6;
  const weights = Array.from({ length: detectors }, (_, d) => 0.1 + d / 7);
  const isRare = weights.map((_, d) => d % 4 === 2);

  test('score and learn as the slow twin does, through growth, copies and a restart', () => {
    const random = createRng(7 + detectors);
    let bank = createTailBank(weights, isRare);
    const slow = Array.from({ length: SERIES }, () => weights.map(() => new SlowTail()));
    bank.grow(SERIES);
    bank.makeRoom(SERIES);
    for (let round = 0; round < 500; round++) {
      if (round === 100) bank.grow(5_000);
      if (round === 150) bank.makeRoom(3_000);
      if (round === 200) {
        bank.copy(1, 4);
        slow[4] = slow[1]!.map((tail) => Object.assign(new SlowTail(), tail));
        bank.reset(2);
        slow[2] = weights.map(() => new SlowTail());
      }
      if (round === 300) {
        const saved = structuredClone(bank.save());
        bank = createTailBank(weights, isRare);
        bank.restore(saved);
        bank.makeRoom(SERIES);
      }
      const { series, mode, raw, ready, surprise, sum, rare, known } = bank.columns;
      for (let i = 0; i < SERIES; i++) {
        series[i] = (i * 5 + round) % SERIES;
        mode[i] = random.next() < 0.9 ? 1 : Math.floor(random.next() * 3);
        for (let d = 0; d < detectors; d++) {
          raw[d]![i] = -Math.log(1 - random.next()) * (random.next() < 0.02 ? 50 : 1.5);
          ready[d]![i] = random.next() < 0.8 ? 1 : 0;
        }
      }
      bank.observe(SERIES);
      for (let i = 0; i < SERIES; i++) {
        const tails = slow[series[i]!]!;
        const expected = weights.map((_, d) =>
          ready[d]![i] === 1 ? tails[d]!.observe(raw[d]![i]!, mode[i] === 1) : 0,
        );
        const total = (chosen: boolean): number =>
          expected.reduce((whole, one, d) => whole + (isRare[d] === chosen ? weights[d]! * one : 0), 0);
        for (const [d, one] of expected.entries()) expect(surprise[d]![i]! / (one + 1)).toBeCloseTo(one / (one + 1), 2);
        expect(sum[i]! / (total(false) + 1)).toBeCloseTo(total(false) / (total(false) + 1), 2);
        expect(rare[i]! / (total(true) + 1)).toBeCloseTo(total(true) / (total(true) + 1), 2);
        expect(known[i]).toBe(ready.some((column) => column[i] === 1) ? 1 : 0);
      }
    }
  });
});

test('reads the rows that a snapshot of version 1 holds', () => {
  const weights = [0.5, 0.3, 0.2];
  const width = 3 * 8 + 4;
  const rows = new DataView(new ArrayBuffer(6 * width));
  for (let s = 0; s < 6; s++) {
    for (let d = 0; d < 3; d++) {
      rows.setFloat32(s * width + d * 8, 1 + s + d, true);
      rows.setFloat32(s * width + d * 8 + 4, 0.2 + d / 10, true);
      rows.setUint8(s * width + 24 + d, 255);
    }
  }
  const bank = createTailBank(weights, [false, false, true]);
  bank.restore({ version: 1, arrays: { rows: new Uint8Array(rows.buffer) }, meta: { width: width / 4, extra: null } });
  bank.makeRoom(6);
  const { series, mode, raw, ready, surprise } = bank.columns;
  for (let i = 0; i < 6; i++) {
    series[i] = 5 - i;
    mode[i] = 1;
    for (let d = 0; d < 3; d++) {
      raw[d]![i] = 20;
      ready[d]![i] = 1;
    }
  }
  bank.observe(6);
  for (let i = 0; i < 6; i++)
    for (let d = 0; d < 3; d++) {
      const tail = Object.assign(new SlowTail(), { quantile: 1 + 5 - i + d, excess: 0.2 + d / 10, n: 255 });
      expect(surprise[d]![i]!).toBeCloseTo(tail.observe(20, true), 4);
    }
});

test('the kernel in the repository is the one that its source gives', async () => {
  expect(await compileKernel('tails')).toContain(TAILS_WASM);
});
