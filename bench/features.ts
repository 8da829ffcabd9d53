/**
 * What event time, rates and windows cost a point: `node bench/features.ts [series] [passes] [seconds]`.
 * Arrival order equals index order (the case the tables are built for), batches of 1000 points, one sample a series
 * and pass, a third of the series counters. CPU time. Windows are closed after every pass, so giving rows out is in the figure.
 */
import { createPointBatch, type PointBatch } from '../src/domain/signal/batch.ts';
import { createEventTime } from '../src/features/event-time/event-time.ts';
import { createRate } from '../src/features/rate/rate.ts';
import { createWindows } from '../src/features/window/window.ts';

const series = Number(process.argv[2] ?? 1_000_000);
const passes = Number(process.argv[3] ?? 14);
/** Seconds between two samples of a series: 10 fills one base window each, the dearest case. */
const step = Number(process.argv[4] ?? 10) * 1000;
const BATCH = 1000;
const START = 1_700_000_000_000;

const eventTime = createEventTime();
const rate = createRate();
const windows = createWindows();
for (const part of [eventTime, rate, windows]) part.grow(series);
const kinds = new Uint8Array(series).map((_, i) => (i % 3 === 0 ? 1 : 0));
const surprise = new Float32Array(BATCH);
const batch: PointBatch = createPointBatch(BATCH);

const spent: Record<string, number> = { fill: 0, 'event-time': 0, rate: 0, window: 0, close: 0 };
let clock = 0;
/** CPU time of this process in ms: what neighbours on the machine take is not in it. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
function lap(part: string): void {
  const now = cpu();
  spent[part] = (spent[part] ?? 0) + now - clock;
  clock = now;
}
let rows = 0;
let points = 0;
function onSlice(slice: PointBatch): void {
  lap('event-time');
  rate.apply(slice, kinds, eventTime.interval);
  lap('rate');
  windows.observe(slice, surprise, surprise, surprise, surprise);
  lap('window');
}
function fail(): void {
  throw new Error('no sample of this bench is late');
}

const results: string[] = [];
for (let pass = 0; pass < passes; pass++) {
  if (pass === 2) {
    for (const part of Object.keys(spent)) spent[part] = 0;
    points = 0;
  }
  const at = START + pass * step;
  for (let from = 0; from < series; from += BATCH) {
    clock = cpu();
    const n = Math.min(BATCH, series - from);
    batch.length = n;
    for (let i = 0; i < n; i++) {
      batch.series[i] = from + i;
      batch.time[i] = at + (from + i) / series;
      batch.value[i] = pass * 100 + (i % 17);
    }
    points += n;
    lap('fill');
    eventTime.admit(batch, at + 5000, onSlice, fail);
  }
  clock = cpu();
  rows += windows.close(at).length;
  lap('close');
}
let total = 0;
for (const [part, ms] of Object.entries(spent)) {
  if (part !== 'fill') total += ms;
  results.push(`${part.padEnd(12)} ${((ms * 1e6) / points).toFixed(1).padStart(7)} ns/point`);
}
results.push(`${'sum'.padEnd(12)} ${((total * 1e6) / points).toFixed(1).padStart(7)} ns/point (without fill)`);
results.push(
  `${'state'.padEnd(12)} ${String(eventTime.bytesPerSeries + rate.bytesPerSeries + windows.bytesPerSeries).padStart(7)} bytes/series, ${rows} window rows`,
);
console.log(results.join('\n'));
