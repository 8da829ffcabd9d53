import {
  createScoreColumns,
  type DetectorTier,
  type SeriesDetector,
  type StateBlob,
  type TierScores,
} from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';
import type { PointBatch } from '../domain/signal/batch.ts';
import type { AreaName, PointTier } from './point-tier/point-tier.ts';

/**
 * The point tier and the detectors that run by themselves as one tier.
 *
 * @param off Detectors of the point tier that are not wanted: they are computed and stay silent.
 */
export function createTier(point: PointTier, alone: readonly SeriesDetector[], off: readonly string[]): DetectorTier {
  const muted = point.names.flatMap((name, d) => (off.includes(name) ? [d] : []));
  /** Band of the detectors that run by themselves. */
  let band = createScoreColumns(0);

  function showBand(ready: Uint8Array, length: number, { expected, lower, upper }: TierScores): void {
    const { expected: middle, lower: low, upper: high } = band;
    for (let i = 0; i < length; i++) {
      if (ready[i] === 0 || Number.isNaN(middle[i]!)) continue;
      expected[i] = middle[i]!;
      lower[i] = low[i]!;
      upper[i] = high[i]!;
    }
  }

  function observe(batch: PointBatch, learn: Uint8Array, out: TierScores): void {
    const { length } = batch;
    point.observe(batch, learn, out);
    for (const d of muted) out.ready[d]!.fill(0, 0, length);
    if (band.raw.length < length) band = createScoreColumns(length * 2);
    for (let k = 0; k < alone.length; k++) {
      const raw = out.raw[point.names.length + k]!;
      const ready = out.ready[point.names.length + k]!;
      band.expected.fill(NaN, 0, length);
      alone[k]!.observe(batch, learn, { ...band, raw, ready });
      showBand(ready, length, out);
    }
  }

  return {
    names: [...point.names, ...alone.map((detector) => detector.name)],
    bytesPerSeries: alone.reduce((sum, detector) => sum + detector.bytesPerSeries, point.bytesPerSeries),
    grow(capacity) {
      point.grow(capacity);
      for (const detector of alone) detector.grow(capacity);
    },
    observe,
    reset(series) {
      point.reset(series);
      for (const detector of alone) detector.reset(series);
    },
    copy(from, to) {
      point.copy(from, to);
      for (const detector of alone) detector.copy(from, to);
    },
    save(live) {
      const saved: Record<string, StateBlob> = {};
      for (const [name, blob] of Object.entries(point.save(live))) saved[`detect.${name}`] = blob;
      for (const detector of alone) saved[`detect.${detector.name}`] = detector.save(live);
      return saved;
    },
    restore(saved) {
      const [points, twin, novelty] = (['points', 'twin', 'novelty'] satisfies AreaName[]).map((name) =>
        partOf(saved, name),
      );
      point.restore({ points: points!, twin: twin!, novelty: novelty! });
      for (const detector of alone) detector.restore(partOf(saved, detector.name));
    },
  };
}

function partOf(saved: Readonly<Record<string, StateBlob>>, name: string): StateBlob {
  const part = saved[`detect.${name}`];
  if (!part) throw new TocsinError('state_version', `the snapshot has no part detect.${name}`);
  return part;
}
