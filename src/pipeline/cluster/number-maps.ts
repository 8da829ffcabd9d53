import { ByteReader } from '../../bus/codec/bytes.ts';
import { decodeSeries } from '../../bus/codec/points.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';

const VERSION = 1;
/** Gateways that were not heard of for so long are forgotten: each run of one has a name of its own. */
const FORGET_AFTER_MS = 24 * 3_600_000;

interface Known {
  rows: Int32Array;
  heard: number;
}

/** What the numbers of each gateway mean here: rows of the shard's series table, -1 where it was not told. */
export class NumberMaps {
  readonly #gateways = new Map<string, Known>();

  /** Learns from a body: its samples' series by number, and the same samples as this shard decoded them. */
  announce(gateway: string, at: number, numbers: Uint8Array, points: Int32Array, histograms: Int32Array): void {
    const from = new ByteReader(numbers);
    const count = from.count(0);
    // Fewer were taken than announced (a refused series): which ones is not known, so that none is believed.
    if (count !== points.length + histograms.length) return;
    const list = new Int32Array(count);
    decodeSeries(from, list, count);
    const known = this.#known(gateway, at);
    for (let i = 0; i < count; i++) {
      const number = list[i]!;
      if (number >= known.rows.length) known.rows = grown(known.rows, number);
      known.rows[number] = i < points.length ? points[i]! : histograms[i - points.length]!;
    }
  }

  /** Turns numbers into rows in place; those of unknown numbers become -1. Returns how many are unknown. */
  resolve(gateway: string, at: number, length: number, series: Int32Array): number {
    const { rows } = this.#known(gateway, at);
    let unknown = 0;
    for (let i = 0; i < length; i++) {
      const number = series[i]!;
      const row = number < rows.length ? rows[number]! : -1;
      if (row < 0) unknown++;
      series[i] = row;
    }
    return unknown;
  }

  /** These rows are given to others: numbers that led to them lead nowhere until they are announced again. */
  evict(series: readonly number[]): void {
    const gone = new Set(series);
    for (const { rows } of this.#gateways.values())
      for (let i = 0; i < rows.length; i++) if (gone.has(rows[i]!)) rows[i] = -1;
  }

  #known(gateway: string, at: number): Known {
    let known = this.#gateways.get(gateway);
    if (known === undefined) {
      known = { rows: new Int32Array(0), heard: at };
      this.#gateways.set(gateway, known);
      for (const [name, { heard }] of this.#gateways) if (at - heard > FORGET_AFTER_MS) this.#gateways.delete(name);
    }
    known.heard = at;
    return known;
  }

  save(): StateBlob {
    const names = [...this.#gateways.keys()];
    return {
      version: VERSION,
      arrays: Object.fromEntries(names.map((name) => [name, this.#gateways.get(name)!.rows])),
      meta: { heard: names.map((name) => [name, this.#gateways.get(name)!.heard]) },
    };
  }

  /** @throws TocsinError `state_version`. */
  restore(state: StateBlob): void {
    if (state.version !== VERSION) throw new TocsinError('state_version', `number maps of version ${state.version}`);
    this.#gateways.clear();
    for (const [name, heard] of (state.meta as { heard: [string, number][] }).heard)
      this.#gateways.set(name, { rows: (state.arrays[name] as Int32Array).slice(), heard });
  }
}

function grown(rows: Int32Array, number: number): Int32Array {
  const larger = new Int32Array(Math.max(64, number + 1, rows.length * 2)).fill(-1);
  larger.set(rows);
  return larger;
}
