import { alwaysOnWeights, createAlwaysOn } from '../../src/detect/registry.ts';
import type { EdgeTick, Evidence, ServiceSignals } from '../../src/domain/anomaly.ts';
import type { PointBatch } from '../../src/domain/signal/batch.ts';
import { createDiagnosis } from '../../src/fuse/diagnose/diagnose.ts';
import { createSeriesFusion } from '../../src/fuse/series-fusion.ts';
import { createSeriesScores } from '../../src/fuse/series-scores.ts';
import type { RcaCase } from '../data/rca.ts';
import { seededRandom } from '../scorers/bootstrap.ts';

/** Ranks the services of a case, the likeliest cause first; `told` is the row from which things are said to be wrong. */
export type CauseRanker = (rca: RcaCase, told: number) => readonly string[];

const START = Date.UTC(2024, 0, 1);
/** The product collects evidence by itself: it takes what it found strange up to this long before the time it is told. */
const LOOK_BACK_MS = 300_000;
const STRANGE = 3;

/** The always-on tier over all series, then the product's cause ranking over what it found strange. */
export const productCauses: CauseRanker = (rca, told) => {
  const rows = rca.series[0]!.value.length;
  const diagnosis = createDiagnosis();
  if (rca.edges.length > 0)
    for (let k = 0; k < rows; k++) diagnosis.edges(START + (k + 1) * rca.stepMs, edgeTicks(rca, k));
  const evidence = strangest(rca, Math.max(0, told - Math.floor(LOOK_BACK_MS / rca.stepMs)));
  const byService = new Map<string, Evidence[]>();
  for (const e of evidence) byService.set(e.service, [...(byService.get(e.service) ?? []), e]);
  const suspects: ServiceSignals[] = [...byService].map(([service, list]) => ({ service, evidence: list }));
  const causes = diagnosis.rank({
    at: START + rows * rca.stepMs,
    onset: START + told * rca.stepMs,
    anomalies: [],
    suspects,
    deploys: [],
  });
  return causes.map((cause) => cause.service);
};

/** Per series the sample of rows >= `from` with the smallest p, if below 1e-3. */
function strangest(rca: RcaCase, from: number): Evidence[] {
  const n = rca.series.length;
  const fusion = createSeriesFusion(createAlwaysOn(), { weights: alwaysOnWeights() });
  fusion.grow(n);
  const batch: PointBatch = {
    length: 0,
    series: new Int32Array(n),
    time: new Float64Array(n),
    value: new Float64Array(n),
  };
  const scores = createSeriesScores(n);
  const best = new Map<number, { surprise: number; evidence: Evidence }>();
  for (let k = 0; k < rca.series[0]!.value.length; k++) {
    let length = 0;
    for (let s = 0; s < n; s++) {
      const value = rca.series[s]!.value[k]!;
      if (Number.isNaN(value)) continue;
      batch.series[length] = s;
      batch.time[length] = START + k * rca.stepMs;
      batch.value[length] = value;
      length++;
    }
    batch.length = length;
    fusion.observe(batch, scores);
    if (k < from) continue;
    for (let i = 0; i < length; i++) {
      const surprise = scores.surprise[i]!;
      const s = batch.series[i]!;
      if (surprise < STRANGE || surprise <= (best.get(s)?.surprise ?? 0)) continue;
      const { service, metric } = rca.series[s]!;
      const reason = scores.explain(i);
      best.set(s, {
        surprise,
        evidence: {
          series: `${service}/${metric}`,
          service,
          modality: 'metric',
          metric,
          unit: '',
          labels: {},
          instance: '',
          kind: reason.kind,
          at: batch.time[i]!,
          onset: reason.onset,
          p: 10 ** -surprise,
          value: batch.value[i]!,
          expected: scores.expected[i]!,
          lower: scores.lower[i]!,
          upper: scores.upper[i]!,
          contributions: reason.contributions,
          text: metric,
        },
      });
    }
  }
  return [...best.values()].map((found) => found.evidence);
}

/** Call statistics of a row as the service graph would have told them: only what the callee's metrics say. */
function edgeTicks(rca: RcaCase, row: number): EdgeTick[] {
  const value = (service: string, metric: string): number =>
    rca.series.find((s) => s.service === service && s.metric === metric)?.value[row] ?? Number.NaN;
  return rca.edges.flatMap(([caller, callee]) => {
    const serverMs = value(callee, 'latency.Average') * 1000;
    const calls = value(callee, 'requests.Sum');
    if (Number.isNaN(serverMs) || !(calls > 0)) return [];
    const availability = value(callee, 'availability.Average');
    const errors = Number.isNaN(availability) ? 0 : calls * (1 - availability / 100);
    return [{ caller, callee, calls, errors, serverMs, gapMs: 0, gapSurprise: 0, serverSurprise: 0, errorSurprise: 0 }];
  });
}

/** Largest distance of a series after `told` from its mean before, in its standard deviations (N-sigma). */
export const nSigmaCauses: CauseRanker = (rca, told) => {
  const best = new Map<string, number>();
  for (const { service, value } of rca.series) {
    const before = value.subarray(0, told).filter((x) => !Number.isNaN(x));
    const after = value.subarray(told).filter((x) => !Number.isNaN(x));
    const mean = before.reduce((a, b) => a + b, 0) / before.length;
    const deviation = Math.sqrt(before.reduce((a, b) => a + (b - mean) ** 2, 0) / before.length);
    let most = 0;
    for (const x of after) if (deviation > 0) most = Math.max(most, Math.abs(x - mean) / deviation);
    best.set(service, Math.max(best.get(service) ?? 0, most));
  }
  return [...best].sort((a, b) => b[1] - a[1]).map(([service]) => service);
};

/** Any order. */
export const randomCauses: CauseRanker = (rca, told) => {
  const random = seededRandom(Buffer.from(rca.name).reduce((sum, c) => sum * 31 + c, told));
  const keys = [...new Set(rca.series.map((s) => s.service))].map((service) => ({ service, key: random() }));
  return keys.sort((a, b) => a.key - b.key).map((entry) => entry.service);
};
