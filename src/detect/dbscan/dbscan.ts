import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { dbscan, NOISE } from '../../stats/cluster/dbscan.ts';

export const DBSCAN_OPTIONS = {
  eps: { type: 'number', default: 3, min: 0.5, max: 20, doc: 'Instances this many robust deviations apart are alike.' },
  majority: { type: 'number', default: 0.6, min: 0.5, max: 1, doc: 'Share of the instances that must be alike.' },
  least: { type: 'integer', default: 4, min: 3, max: 1000, doc: 'Fewer instances have no majority.' },
} as const satisfies OptionsSpec;

/** Finds instances of one workload that are unlike the others, now: a comparison across, not with the past. */
export interface PeerDetector {
  /**
   * @param values `instances` rows of `signals`, NaN where an instance has no value.
   * @param raw How far each instance is from its nearest peer of the majority, in eps; 0 for those that belong to it. Written.
   * @returns whether there is a majority to be unlike.
   */
  judge(values: Float64Array, instances: number, signals: number, raw: Float64Array): boolean;
  /** The squared difference of each signal of an instance from the middle of all, in deviations; after `judge`. */
  blame(instance: number, out: Float64Array): void;
}

/** Differences beyond this are cut: one signal alone may set an instance apart, but not by any amount. */
const CLIP = 12;

/** DBSCAN (Ester et al. 1996) over the instances of a workload, each signal in robust deviations across the instances. */
export function createPeers(options: Options<typeof DBSCAN_OPTIONS> = defaultsOf(DBSCAN_OPTIONS)): PeerDetector {
  let standard = new Float64Array(0);
  let distances = new Float64Array(0);
  let labels = new Int32Array(0);
  let signalsNow = 0;

  function standardise(values: Float64Array, instances: number, signals: number): void {
    for (let s = 0; s < signals; s++) {
      const present: number[] = [];
      for (let i = 0; i < instances; i++) {
        const x = values[i * signals + s]!;
        if (!Number.isNaN(x)) present.push(x);
      }
      present.sort((a, b) => a - b);
      const middle = present[present.length >> 1] ?? 0;
      const off = present.map((x) => Math.abs(x - middle)).sort((a, b) => a - b);
      // Peers of the same load differ by a few percent: less than that is no difference.
      const scale = Math.max(1.4826 * (off[(off.length - 1) >> 1] ?? 0), 0.05 * Math.abs(middle), 1e-9);
      for (let i = 0; i < instances; i++) {
        const z = (values[i * signals + s]! - middle) / scale;
        standard[i * signals + s] = Number.isNaN(z) ? Number.NaN : Math.max(-CLIP, Math.min(CLIP, z));
      }
    }
  }

  /** Root mean square over the signals that both have, the largest counted once more: one bad signal is enough. */
  function distance(i: number, j: number, signals: number): number {
    let sum = 0;
    let most = 0;
    let shared = 0;
    for (let s = 0; s < signals; s++) {
      const x = Math.abs(standard[i * signals + s]! - standard[j * signals + s]!);
      if (Number.isNaN(x)) continue;
      shared++;
      sum += x * x;
      if (x > most) most = x;
    }
    return shared === 0 ? 0 : (Math.sqrt(sum / shared) + most) / 2;
  }

  return {
    judge(values, instances, signals, raw) {
      raw.fill(0, 0, instances);
      signalsNow = signals;
      if (instances < options.least) return false;
      if (standard.length < instances * signals) standard = new Float64Array(instances * signals);
      if (distances.length < instances * instances) distances = new Float64Array(instances * instances);
      if (labels.length < instances) labels = new Int32Array(instances);
      standardise(values, instances, signals);
      for (let i = 0; i < instances; i++)
        for (let j = 0; j < instances; j++) distances[i * instances + j] = i === j ? 0 : distance(i, j, signals);
      const clusters = dbscan(distances, instances, options.eps, Math.max(2, Math.ceil(instances * 0.3)), labels);
      const sizes = new Int32Array(clusters);
      for (let i = 0; i < instances; i++) if (labels[i] !== NOISE) sizes[labels[i]!] = sizes[labels[i]!]! + 1;
      const main = sizes.indexOf(Math.max(0, ...sizes));
      if (main < 0 || sizes[main]! < options.majority * instances) return false;
      for (let i = 0; i < instances; i++) {
        if (labels[i] === main) continue;
        let nearest = Number.POSITIVE_INFINITY;
        for (let j = 0; j < instances; j++)
          if (labels[j] === main) nearest = Math.min(nearest, distances[i * instances + j]!);
        raw[i] = nearest / options.eps;
      }
      return true;
    },
    blame(instance, out) {
      for (let s = 0; s < signalsNow; s++) {
        const z = standard[instance * signalsNow + s]!;
        out[s] = Number.isNaN(z) ? 0 : z * z;
      }
    },
  };
}
