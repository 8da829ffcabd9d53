import { hashPair } from '../../stats/hash.ts';
import { malformed, type Wire } from '../wire/proto.ts';
import { ROLE } from './metrics-columns.ts';
import type { MetricsScan } from './metrics-scan.ts';

const ATTRIBUTES = 0x3a;
const QUANTILE = new Float64Array(1);
const QUANTILE_WORDS = new Int32Array(QUANTILE.buffer);

/** Reads the data points of a Summary: quantiles become gauges, count and sum become counters. */
export function scanSummaries(scan: MetricsScan, wire: Wire, end: number, metric: number, a: number, b: number): void {
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag >>> 3 === 1) summaryPoint(scan, wire, wire.message(tag, end), metric, a, b);
    else wire.skip(tag, end);
  }
}

function summaryPoint(scan: MetricsScan, wire: Wire, end: number, metric: number, seedA: number, seedB: number): void {
  const { samples } = scan;
  const start = wire.pos;
  const pair = scan.hashAttributes(start, end, ATTRIBUTES, seedA, seedB);
  const a = pair[2]!;
  const b = pair[3]!;
  const first = samples.length;
  let time = 0;
  let count = 0;
  let sum = Number.NaN;
  let flags = 0;
  wire.pos = start;
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag === 0x19) time = wire.fixed64(end) / 1e6;
    else if (tag === 0x21) count = wire.fixed64(end);
    else if (tag === 0x29) sum = wire.double(end);
    else if (tag === 0x40) flags = wire.varint32(end);
    else if (tag === 0x32) quantile(scan, wire, wire.span(end), metric, a, b);
    else if (tag >>> 3 >= 2 && tag >>> 3 <= 8 && tag !== ATTRIBUTES && tag !== 0x11) {
      malformed(`SummaryDataPoint field ${tag >>> 3} has wire type ${tag & 7}`, wire.pos);
    } else wire.skip(tag, end);
  }
  wire.pos = end;
  if (time === 0) {
    samples.length = first;
    scan.reject('a data point without a time');
    return;
  }
  const stale = (flags & 1) !== 0;
  // A quantile of nothing is NaN by convention: no point, and no fault.
  const last = samples.length;
  samples.length = first;
  for (let i = first; i < last; i++) {
    const value = samples.value[i]!;
    if (!stale && !Number.isFinite(value)) continue;
    const at = samples.quantile[i]!;
    const role = stale ? ROLE.stale : ROLE.quantile;
    const kept = scan.add(start, end, metric, time, value, role, samples.keys[2 * i]!, samples.keys[2 * i + 1]!);
    samples.quantile[kept] = at;
    samples.ends[kept] = ROLE.quantile;
  }
  hashPair(ROLE.count, 0, a, b, pair, 1);
  const total = scan.add(start, end, metric, time, count, stale ? ROLE.stale : ROLE.count, pair[2]!, pair[3]!);
  samples.ends[total] = ROLE.count;
  if (!stale && !Number.isFinite(sum)) return;
  hashPair(ROLE.sum, 0, a, b, pair, 1);
  const added = scan.add(start, end, metric, time, sum, stale ? ROLE.stale : ROLE.sum, pair[2]!, pair[3]!);
  samples.ends[added] = ROLE.sum;
}

/** Leaves a sample without a time; the point that it is in completes it. */
function quantile(scan: MetricsScan, wire: Wire, end: number, metric: number, a: number, b: number): void {
  const { samples, pair } = scan;
  let at = 0;
  let value = 0;
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag === 0x09) at = wire.double(end);
    else if (tag === 0x11) value = wire.double(end);
    else wire.skip(tag, end);
  }
  QUANTILE[0] = at;
  hashPair(QUANTILE_WORDS[0]!, QUANTILE_WORDS[1]! ^ ROLE.quantile, a, b, pair, 1);
  const i = scan.add(0, 0, metric, 0, value, ROLE.quantile, pair[2]!, pair[3]!);
  samples.quantile[i] = at;
}
