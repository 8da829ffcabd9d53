import { expect, test } from 'vitest';
import { dbscan } from '../../stats/cluster/dbscan.ts';
import { createRng } from '../../stats/rng.ts';
import { createPeers } from './dbscan.ts';

const random = createRng(1);

/** Clusters by definition: cores that reach each other through cores, then the border. */
function slow(points: readonly number[], eps: number, minPoints: number): number[] {
  const near = (a: number, b: number): boolean => Math.abs(points[a]! - points[b]!) <= eps;
  const cores = points.map((_, i) => points.filter((_x, j) => near(i, j)).length >= minPoints);
  const label = points.map(() => -1);
  let next = 0;
  points.forEach((_, seed) => {
    if (!cores[seed] || label[seed] !== -1) return;
    const mine = next++;
    label[seed] = mine;
    for (let grew = true; grew; ) {
      grew = false;
      points.forEach((_x, j) => {
        if (label[j] !== -1) return;
        if (!points.some((_y, i) => label[i] === mine && cores[i] && near(i, j))) return;
        label[j] = mine;
        grew = true;
      });
    }
  });
  return label;
}

test('clusters points as the definition does', () => {
  for (let round = 0; round < 60; round++) {
    const n = 1 + random.int(30);
    const points = Array.from({ length: n }, () => Math.floor(40 * random.next()) / 2);
    const distances = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) distances[i * n + j] = Math.abs(points[i]! - points[j]!);
    const labels = new Int32Array(n);
    const clusters = dbscan(distances, n, 1, 3, labels);
    const expected = slow(points, 1, 3);
    expect([...labels]).toEqual(expected);
    expect(clusters).toBe(1 + Math.max(-1, ...expected));
  }
});

test('the instance that does something else is unlike its peers, and says in what', () => {
  const peers = createPeers();
  const values = Float64Array.from(
    { length: 6 * 3 },
    (_, i) => [0.5, 200e6, 30][i % 3]! * (1 + 0.02 * random.normal()),
  );
  const raw = new Float64Array(6);
  expect(peers.judge(values, 6, 3, raw)).toBe(true);
  expect([...raw]).toEqual([0, 0, 0, 0, 0, 0]);
  values[4 * 3 + 1] = 600e6;
  expect(peers.judge(values, 6, 3, raw)).toBe(true);
  expect(raw[4]).toBeGreaterThan(1);
  expect(raw.filter((x) => x > 0).length).toBe(1);
  const blame = new Float64Array(3);
  peers.blame(4, blame);
  expect(blame.indexOf(Math.max(...blame))).toBe(1);
});

test('no majority, no verdict: few instances, two camps, or nothing in common', () => {
  const peers = createPeers();
  const raw = new Float64Array(6);
  expect(peers.judge(Float64Array.of(1, 1, 50), 3, 1, raw)).toBe(false);
  expect(peers.judge(Float64Array.of(1, 1, 1, 50, 50, 50), 6, 1, raw)).toBe(false);
  expect(peers.judge(new Float64Array(6).fill(Number.NaN), 6, 1, raw)).toBe(true);
  expect([...raw]).toEqual([0, 0, 0, 0, 0, 0]);
});
