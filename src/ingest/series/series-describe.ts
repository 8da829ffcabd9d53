import type { Labels, Modality, SeriesInfo, SeriesKind } from '../../domain/signal/series.ts';
import type { SeriesIndex } from '../../domain/units.ts';
import { hashPair, hex64 } from '../../stats/hash.ts';
import type { SeriesNames } from './series-names.ts';
import type { SeriesRows, SeriesWorkloads } from './series-rows.ts';

const MODALITIES: readonly Modality[] = ['metric', 'log', 'trace'];
const decoder = new TextDecoder();
const pair = new Int32Array(2);

/** A live series in words: the only place where labels become strings. */
export function describeSeries(
  rows: SeriesRows,
  workloads: SeriesWorkloads,
  names: SeriesNames,
  series: SeriesIndex,
): SeriesInfo {
  const workload = rows.workload[series]!;
  const ordinal = rows.ordinal[series]!;
  const { tenant, service } = names.describeService(rows.service[series]!);
  const metric = workloads.metric[workload]!;
  pair[0] = workloads.keys[2 * workload]!;
  pair[1] = workloads.keys[2 * workload + 1]!;
  // The id is the workload's key and the place among its instances: a successor of a pod has its predecessor's id.
  if (ordinal > 0) hashPair(ordinal, 0, pair[0], pair[1], pair, 0);
  return {
    id: hex64(pair[0], pair[1]),
    tenant,
    service,
    metric: names.metricName(metric),
    unit: names.metricUnit(metric),
    kind: rows.kind[series]! as SeriesKind,
    modality: MODALITIES[rows.modality[series]!] ?? 'metric',
    labels: labelsOf(workloads, workload),
    instance: names.instanceName(rows.instance[series]!),
  };
}

function labelsOf(workloads: SeriesWorkloads, workload: number): Labels {
  const bytes = workloads.labels(workload);
  const entries: [string, string][] = [];
  let at = 0;
  const next = (): string => {
    let size = bytes[at++]!;
    if (size >= 128) size = (size & 127) | (bytes[at++]! << 7);
    at += size;
    return decoder.decode(bytes.subarray(at - size, at));
  };
  while (at < bytes.length) {
    const key = next();
    entries.push([key, next()]);
  }
  return Object.fromEntries(entries);
}
