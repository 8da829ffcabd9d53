import type { Clock, HistoryPoint, HistoryStore, SeriesSummary } from '../../domain/ports.ts';
import { SERIES_KIND } from '../../domain/signal/series.ts';
import type { EpochMs } from '../../domain/units.ts';
import { HOUR, MINUTE } from '../../domain/units.ts';
import type { Effect } from './shop.ts';
import { METRICS, RESOLUTION, SERVICES, sampleAt, seriesIdOf } from './shop.ts';

const KEPT = 48 * HOUR;
/** No band while the baseline learns. */
const LEARNING = 25 * MINUTE;
/** Samples looked at for one step of the chart. */
const MAX_SAMPLES = 12;

export function createFakeHistory(start: EpochMs, clock: Clock, effects: readonly Effect[]): HistoryStore {
  const since = start - KEPT;
  const all: readonly SeriesSummary[] = SERVICES.flatMap(({ service }) =>
    METRICS.map((metric) => ({
      id: seriesIdOf(service, metric.metric),
      tenant: 'default',
      service,
      metric: metric.metric,
      unit: metric.unit,
      kind: metric.modality === 'metric' ? SERIES_KIND.gauge : SERIES_KIND.derived,
      modality: metric.modality,
      labels: metric.labels,
      instance: `${service}-6d9f7c-x2k9q`,
      firstSeen: since,
      lastSeen: start,
    })),
  );
  const touched = new Set(effects.map(({ service, metric }) => `${service}/${metric}`));

  return {
    async registerSeries() {},
    async append() {},
    async flush() {},
    async range(seriesId, from, to, step) {
      const series = all.find(({ id }) => id === seriesId);
      const metric = METRICS.find(({ metric: name }) => name === series?.metric);
      if (series === undefined || metric === undefined) return [];
      const mine = touched.has(`${series.service}/${series.metric}`) ? effects : [];
      const wide = Math.max(RESOLUTION, Math.ceil(step / RESOLUTION) * RESOLUTION);
      const stride = Math.max(RESOLUTION, Math.ceil(wide / MAX_SAMPLES / RESOLUTION) * RESOLUTION);
      const points: HistoryPoint[] = [];
      for (let at = Math.ceil(Math.max(from, since) / wide) * wide; at < Math.min(to, clock.now()); at += wide) {
        const point = pointAt(at, { wide, stride, since, now: clock.now() }, (time) =>
          sampleAt(series.service, metric, time, mine),
        );
        if (point !== null) points.push(point);
      }
      return points;
    },
    async searchSeries(query) {
      const words = (query.text ?? '').toLowerCase().split(/\s+/).filter(Boolean);
      return all
        .filter(
          (series) =>
            (query.service ?? series.service) === series.service &&
            (query.metric ?? series.metric) === series.metric &&
            words.every((word) =>
              `${series.service} ${series.metric} ${JSON.stringify(series.labels)}`.toLowerCase().includes(word),
            ),
        )
        .slice(0, query.limit ?? 50)
        .map((series) => ({ ...series, lastSeen: clock.now() }));
    },
    async series(id) {
      const found = all.find((series) => series.id === id);
      return found === undefined ? null : { ...found, lastSeen: clock.now() };
    },
    async services() {
      return SERVICES.map(({ service }) => ({ service, series: METRICS.length, lastSeen: clock.now() }));
    },
    async prune() {
      return 0;
    },
    async bytes() {
      return 48_734_208;
    },
    async close() {},
  };
}

interface Step {
  readonly wide: number;
  readonly stride: number;
  readonly since: EpochMs;
  readonly now: EpochMs;
}

function pointAt(at: EpochMs, step: Step, sample: (time: EpochMs) => ReturnType<typeof sampleAt>): HistoryPoint | null {
  let [count, sum, min, max, last, surprise] = [0, 0, Infinity, -Infinity, NaN, 0];
  for (let time = at; time < Math.min(at + step.wide, step.now); time += step.stride) {
    const { value, surprise: own } = sample(time);
    if (Number.isNaN(value)) continue;
    count += 1;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
    last = value;
    surprise = Math.max(surprise, own);
  }
  if (count === 0) return null;
  const { expected, lower, upper } = sample(at + step.wide / 2);
  const learnt = at - step.since >= LEARNING;
  return {
    at,
    count,
    mean: sum / count,
    min,
    max,
    last,
    expected: learnt ? expected : null,
    lower: learnt ? lower : null,
    upper: learnt ? upper : null,
    surprise,
  };
}
