import { PAYLOAD_TIME } from './payload.ts';

/** CPU time of this process in seconds: what neighbours on the machine take is not in it. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** A line that `bench/main.ts` collects into `bench/results.md`: name of the bar and the figure measured. */
export function reportBar(bar: string, value: number, note = ''): void {
  console.log(`BAR ${JSON.stringify({ bar, value, note })}`);
}

/** Payload bodies whose times and values move on in place, so that a pass over them is what exporters would send next. */
export interface MovingBodies {
  readonly bodies: readonly Uint8Array[];
  readonly points: number;
  /** Sets the time of body `i` to `ms` after `PAYLOAD_TIME`, gauges to a noisy level and running totals `pass` steps on. */
  set(i: number, ms: number, pass: number): void;
}

const NOISE = Float64Array.from({ length: 1 << 12 }, (_, i) => {
  const x = Math.sin(i * 12.9898) * 43758.5453;
  return x - Math.floor(x) - 0.5;
});

/** What follows a time in the payload: a double, an integer, or a histogram's total, sum and 15 buckets. */
const KINDS = { double: 0, integer: 1, histogram: 2 } as const;

/** Finds every data point's time in bodies made by `metricsPayloads` with the default time. */
export function movingBodies(bodies: readonly Uint8Array[]): MovingBodies {
  const views = bodies.map((body) => new DataView(body.buffer, body.byteOffset, body.length));
  const places = views.map(placesOf);
  return {
    bodies,
    points: places.reduce((sum, found) => sum + found.length, 0),
    set(i, ms, pass) {
      const view = views[i]!;
      const time = PAYLOAD_TIME + BigInt(Math.round(ms * 1e6));
      const low = Number(time & 0xffffffffn);
      const high = Number(time >> 32n);
      const found = places[i]!;
      for (let k = 0; k < found.length; k++) {
        const at = found[k]! >>> 2;
        const kind = found[k]! & 3;
        view.setUint32(at, low, true);
        view.setUint32(at + 4, high, true);
        const noise = NOISE[(k * 31 + i * 1009 + pass * 7919) & 4095]!;
        if (kind === KINDS.double)
          view.setFloat64(at + 9, 100 + (k % 97) + 8 * noise + (isSum(k) ? pass * 120 : 0), true);
        else if (kind === KINDS.integer) setInteger(view, at + 9, Math.floor(pass * 300 + 60 * (noise + 0.5)));
        else moveHistogram(view, at, k, pass, noise);
      }
    },
  };
}

/** Payload metrics 5 to 8 of ten are running totals, ten points each. */
function isSum(point: number): boolean {
  return Math.floor(point / 10) % 10 >= 5;
}

function moveHistogram(view: DataView, at: number, k: number, pass: number, noise: number): void {
  let total = 0;
  // Bucket counts follow total (9 bytes), sum (9) and the field's tag and length (2).
  for (let bucket = 0; bucket < 15; bucket++) {
    const count = pass * ((k * 7 + bucket * 3) % 16) + (bucket === 5 ? Math.floor(pass * (noise + 0.5)) : 0);
    setInteger(view, at + 28 + bucket * 8, count);
    total += count;
  }
  setInteger(view, at + 9, total);
  view.setFloat64(at + 18, total * 0.28, true);
}

function setInteger(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 4294967296), true);
}

function placesOf(view: DataView): Int32Array {
  const low = Number(PAYLOAD_TIME & 0xffffffffn);
  const high = Number(PAYLOAD_TIME >> 32n);
  const found: number[] = [];
  for (let at = 1; at + 17 <= view.byteLength; at++) {
    if (view.getUint8(at - 1) !== 0x19 || view.getUint32(at, true) !== low || view.getUint32(at + 4, true) !== high)
      continue;
    const tag = view.getUint8(at + 8);
    const kind =
      tag === 0x31 ? KINDS.integer : tag === 0x21 && view.getUint8(at + 17) === 0x29 ? KINDS.histogram : KINDS.double;
    found.push((at << 2) | kind);
    at += 16;
  }
  return Int32Array.from(found);
}
