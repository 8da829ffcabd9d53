import { createPromotedTier } from '../../src/detect/promoted/promoted.ts';
import { createPromotedDetector, PROMOTED_DETECTORS, type PromotedDetectorName } from '../../src/detect/registry.ts';
import { MINUTE } from '../../src/domain/units.ts';
import { createPromotedFusion } from '../../src/fuse/promoted-fusion.ts';
import type { Method, MethodScores } from './method.ts';
import { product } from './product.ts';

/** The product's `detect.promoted.say` and `gate`. */
const SAY = 0.3;
const GATE = 3;
/** Two sweeps a tick, and what is strange: about the share that a shard has of a few thousand series. */
const LOOKS = 20;

/** The product with one detector in the promoted tier, each of them in turn. */
export function withPromoted(): Method[] {
  return (Object.keys(PROMOTED_DETECTORS) as PromotedDetectorName[]).map((name) => ({
    ...product(),
    name: `Tocsin, promoted ${name}`,
    run: (series) => look(series, name),
  }));
}

function look(series: Parameters<Method['run']>[0], name: PromotedDetectorName): MethodScores {
  const base = product().run(series);
  const surprise = base.surprise.map((scores) => scores.slice());
  const fusion = createPromotedFusion([name], [1]);
  const tier = createPromotedTier([createPromotedDetector(name)], { memory: 64, looks: LOOKS, gate: GATE });
  tier.onReset = (slot) => fusion.reset(slot);
  tier.grow(series.length);
  const rows = {
    length: 0,
    series: new Int32Array(series.length),
    mean: new Float64Array(series.length),
    surprise: new Float32Array(series.length),
  };
  const longest = series.reduce((most, s) => Math.max(most, s.value.length), 0);
  const points = series.reduce((sum, s) => sum + s.value.length, 0);
  const before = process.threadCpuUsage();
  for (let k = 0; k < longest; k++) {
    rows.length = 0;
    for (let s = 0; s < series.length; s++) {
      const { value } = series[s]!;
      if (k >= value.length || Number.isNaN(value[k]!)) continue;
      rows.series[rows.length] = s;
      rows.mean[rows.length] = value[k]!;
      rows.surprise[rows.length++] = base.surprise[s]![k]!;
    }
    // The tier takes time only to say what it looked at within a day.
    tier.tick(
      rows,
      k * MINUTE,
      () => false,
      (found) => {
        const closer = fusion.judge(found.slot, found.raw, !found.wanted);
        if (!found.wanted || Number.isNaN(closer)) return;
        const own = found.surprise;
        surprise[found.series]![k] = own + SAY * (Math.min(6, closer) - own);
      },
    );
  }
  const cpu = process.threadCpuUsage(before);
  return {
    ...base,
    surprise,
    nsPerPoint: base.nsPerPoint + ((cpu.user + cpu.system) * 1000) / Math.max(1, points),
  };
}
