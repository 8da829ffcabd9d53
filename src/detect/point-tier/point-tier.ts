import type { StateBlob, TierScores } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { type KernelMemory, loadKernel } from '../../stats/kernels/load.ts';
import { POINTS_WASM } from '../../stats/kernels/points-wasm.ts';
import { AREAS, POINT_TIER, type PointTierOptions, parametersOf } from './layout.ts';

export interface PointTier {
  readonly names: readonly string[];
  readonly bytesPerSeries: number;
  grow(capacity: number): void;
  /** Writes the first columns of `out.raw` and `out.ready` and the level's band for every sample, then learns. */
  observe(batch: PointBatch, learn: Uint8Array, out: TierScores): void;
  reset(series: number): void;
  copy(from: number, to: number): void;
  /** By area; rows of four neighbouring series lie interleaved, word by word. */
  save(live?: boolean): Record<AreaName, StateBlob>;
  restore(parts: Readonly<Record<AreaName, StateBlob>>): void;
}

export type AreaName = keyof typeof AREAS;

interface Kernel {
  readonly memory: KernelMemory;
  base(): number;
  parameters(): number;
  observe(
    n: number,
    series: number,
    mode: number,
    value: number,
    raw: number,
    ready: number,
    band: number,
    room: number,
    points: number,
    twins: number,
    novelties: number,
  ): void;
}

/** What a batch brings and takes, in the kernel's memory. */
interface Columns {
  readonly series: Int32Array;
  readonly value: Float64Array;
  readonly mode: Uint8Array;
  readonly raw: readonly Float32Array[];
  readonly ready: readonly Uint8Array[];
  readonly band: readonly Float32Array[];
}

const VERSION = 2;
const PAGE = 65_536;
const NAMES = Object.keys(AREAS) as AreaName[];
/** Below so many samples a loop copies faster than the engine's own copying is called. */
const SHORT = 64;

/**
 * Seven detectors of every sample and two of every window, in one pass: a SIMD kernel takes four neighbouring series at a
 * time, a lane each, in 32-bit floats. The mathematics is that of the detectors' own folders, which are its twins in
 * `point-tier.test.ts`. Series in any order give the same scores; four that follow each other cost as much as one alone.
 */
export function createPointTier(options: PointTierOptions): PointTier {
  const kernel = loadKernel<Kernel>(POINTS_WASM);
  const start = align(kernel.base());
  let capacity = 0;
  let room = 0;
  let bytes = new Uint8Array(kernel.memory.buffer);
  let at = placesOf(0, 0);
  let columns = columnsOf();
  setParameters();

  function setParameters(): void {
    const values = parametersOf(options);
    new Float32Array(kernel.memory.buffer, kernel.parameters(), values.length).set(values);
  }

  /** Where columns of `samples` samples and then the areas of `rows` series lie. */
  function placesOf(samples: number, rows: number) {
    const value = start;
    const raw = value + samples * 8;
    const band = raw + POINT_TIER.length * samples * 4;
    const series = band + 3 * samples * 4;
    const mode = series + samples * 4;
    const ready = mode + samples;
    const points = align(ready + POINT_TIER.length * samples);
    const twin = points + rows * AREAS.points;
    const novelty = twin + rows * AREAS.twin;
    return { value, raw, band, series, mode, ready, points, twin, novelty, end: novelty + rows * AREAS.novelty };
  }

  function columnsOf(): Columns {
    const { buffer } = kernel.memory;
    const floats = (from: number): Float32Array => new Float32Array(buffer, from, room);
    return {
      series: new Int32Array(buffer, at.series, room),
      value: new Float64Array(buffer, at.value, room),
      mode: new Uint8Array(buffer, at.mode, room),
      raw: POINT_TIER.map((_, d) => floats(at.raw + d * room * 4)),
      ready: POINT_TIER.map((_, d) => new Uint8Array(buffer, at.ready + d * room, room)),
      band: [0, 1, 2].map((k) => floats(at.band + k * room * 4)),
    };
  }

  /** Makes memory for `rows` series behind columns of `samples` samples; moves the rows there are, the last area first. */
  function arrange(rows: number, samples: number): void {
    const before = at;
    const next = placesOf(samples, rows);
    const missing = next.end - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE));
    bytes = new Uint8Array(kernel.memory.buffer);
    for (const name of NAMES.toReversed()) {
      const length = capacity * AREAS[name];
      bytes.copyWithin(next[name], before[name], before[name] + length);
      bytes.fill(0, next[name] + length, next[name] + rows * AREAS[name]);
    }
    at = next;
    capacity = rows;
    room = samples;
    columns = columnsOf();
  }

  /** Calls `move` for every piece of a series' state: a word in every vector of its block, then its rows. */
  function eachPiece(series: number, move: (offset: number, length: number) => void): void {
    const block = at.points + (series >> 2) * 4 * AREAS.points + (series & 3) * 4;
    for (let word = 0; word < AREAS.points / 4; word++) move(block + word * 16, 4);
    move(at.twin + series * AREAS.twin, AREAS.twin);
    move(at.novelty + series * AREAS.novelty, AREAS.novelty);
  }

  function take(length: number, out: TierScores): void {
    for (let d = 0; d < POINT_TIER.length; d++) {
      copyColumn(columns.raw[d]!, out.raw[d]!, length);
      copyColumn(columns.ready[d]!, out.ready[d]!, length);
    }
    copyColumn(columns.band[0]!, out.expected, length);
    copyColumn(columns.band[1]!, out.lower, length);
    copyColumn(columns.band[2]!, out.upper, length);
  }

  return {
    names: POINT_TIER,
    bytesPerSeries: NAMES.reduce((sum, name) => sum + AREAS[name], 0),
    grow(to) {
      if (to > capacity) arrange((to + 3) & ~3, room);
    },
    observe({ length, series, value }, learn, out) {
      if (length > room) arrange(capacity, align(Math.max(256, length, 2 * room)));
      copyColumn(series, columns.series, length);
      copyColumn(value, columns.value, length);
      copyColumn(learn, columns.mode, length);
      const { raw, ready, band, points, twin, novelty } = at;
      kernel.observe(length, at.series, at.mode, at.value, raw, ready, band, room, points, twin, novelty);
      take(length, out);
    },
    reset(series) {
      if (series < capacity) eachPiece(series, (offset, length) => bytes.fill(0, offset, offset + length));
    },
    copy(from, to) {
      const sources: number[] = [];
      eachPiece(from, (offset) => sources.push(offset));
      let piece = 0;
      eachPiece(to, (offset, length) => {
        const source = sources[piece++]!;
        bytes.copyWithin(offset, source, source + length);
      });
    },
    save(live = false) {
      const blob = (name: AreaName): StateBlob => {
        const width = AREAS[name];
        const all = (): Uint8Array => bytes.subarray(at[name], at[name] + capacity * width);
        const rows = { type: 'Uint8Array', size: capacity * width, width, ticks: false, bytes: all } as const;
        const meta = { width: width / 4 };
        if (live) return { version: VERSION, arrays: {}, meta, live: { rows } };
        return { version: VERSION, arrays: { rows: all().slice() }, meta };
      };
      return { points: blob('points'), twin: blob('twin'), novelty: blob('novelty') };
    },
    restore(parts) {
      const areas = NAMES.map((name) => {
        const { version, arrays, meta } = parts[name];
        const saved = arrays['rows'];
        const width = (meta as { readonly width?: unknown } | null)?.width;
        if (version !== VERSION || width !== AREAS[name] / 4 || !(saved instanceof Uint8Array))
          throw new TocsinError('state_version', `${name} of version ${version} cannot be read, expected ${VERSION}`);
        return { name, saved };
      });
      capacity = 0;
      arrange(areas[0]!.saved.length / AREAS.points, room);
      for (const { name, saved } of areas) bytes.set(saved, at[name]);
    },
  };
}

function copyColumn<T extends Int32Array | Float32Array | Float64Array | Uint8Array>(
  from: T,
  to: T,
  length: number,
): void {
  if (length < SHORT) for (let i = 0; i < length; i++) to[i] = from[i]!;
  else to.set(from.length === length ? from : from.subarray(0, length));
}

function align(offset: number): number {
  return (offset + 15) & ~15;
}
