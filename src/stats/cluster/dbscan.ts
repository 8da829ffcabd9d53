/** Cluster of a point that belongs to none. */
export const NOISE = -1;

/**
 * DBSCAN (Ester, Kriegel, Sander, Xu 1996) over n points given by their distances; for the few instances of a workload.
 *
 * @param distances n x n, symmetric.
 * @param eps Neighbours are at most this far apart.
 * @param minPoints Neighbours, itself included, that make a point a core.
 * @param labels Cluster of each point, 0 .., or `NOISE`; written.
 * @returns the number of clusters.
 */
export function dbscan(distances: Float64Array, n: number, eps: number, minPoints: number, labels: Int32Array): number {
  const isCore = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    let near = 0;
    for (let j = 0; j < n; j++) if (distances[i * n + j]! <= eps) near++;
    isCore[i] = near >= minPoints ? 1 : 0;
  }
  labels.fill(NOISE, 0, n);
  let clusters = 0;
  const queue: number[] = [];
  for (let seed = 0; seed < n; seed++) {
    if (isCore[seed] === 0 || labels[seed] !== NOISE) continue;
    const cluster = clusters++;
    labels[seed] = cluster;
    queue.push(seed);
    for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
      for (let j = 0; j < n; j++) {
        if (labels[j] !== NOISE || distances[i * n + j]! > eps) continue;
        labels[j] = cluster;
        if (isCore[j] === 1) queue.push(j);
      }
    }
  }
  return clusters;
}
