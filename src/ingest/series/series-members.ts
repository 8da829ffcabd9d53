import type { EpochMs, SeriesIndex } from '../../domain/units.ts';
import { HASH_SEED_B, hashPair } from '../../stats/hash.ts';
import { KeyIndex } from './series-index.ts';
import type { SeriesRows, SeriesWorkloads } from './series-rows.ts';

export interface SeriesTableOptions {
  /** Most live series a tenant may have; new ones beyond it are refused and counted. */
  readonly maxSeriesPerTenant?: number;
  /** A member must be silent at least this long before a new instance takes over its row, in ms. */
  readonly minSilence?: number;
  /** The same for a member of which only one sample was seen, in ms. */
  readonly unknownSilence?: number;
  /** Rows to make room for at once. */
  readonly capacity?: number;
}

/** Members of a workload looked at when a new instance shows up: bounds the cost of a very wide workload. */
const SEARCH = 32;
/** A member counts as silent after this many of its own intervals. */
const SILENT_INTERVALS = 3;

/** The rows (one for each live instance) of each workload: found by instance, joined in a ring, numbered by ordinal. */
export class SeriesMembers {
  workloads: SeriesWorkloads;
  private readonly rows: SeriesRows;
  /** Members other than the one with ordinal 0, which the workload itself knows. */
  private readonly index = new KeyIndex();
  private readonly freeOrdinals = new Map<number, number[]>();
  private readonly key = new Int32Array(2);
  private readonly minSilence: number;
  private readonly unknownSilence: number;

  constructor(rows: SeriesRows, workloads: SeriesWorkloads, options: SeriesTableOptions) {
    this.rows = rows;
    this.workloads = workloads;
    this.minSilence = options.minSilence ?? 30_000;
    this.unknownSilence = options.unknownSilence ?? 180_000;
  }

  get byteLength(): number {
    return this.index.byteLength;
  }

  find(workload: number, a: number, b: number): SeriesIndex {
    const { instanceKeys } = this.rows;
    const first = this.workloads.first[workload]!;
    if (first >= 0 && instanceKeys[2 * first] === a && instanceKeys[2 * first + 1] === b) return first;
    hashPair(a, b, workload, HASH_SEED_B, this.key, 0);
    return this.index.get(this.key[0]!, this.key[1]!);
  }

  /** The silent member with the lowest ordinal, else the live one, among the next few; moves the start of the search on. */
  search(workload: number, at: EpochMs): SeriesIndex {
    const { next, ordinal, interval } = this.rows;
    const { head } = this.workloads;
    const start = head[workload]!;
    let row = start;
    let silent = -1;
    let warm = -1;
    for (let k = 0; k < SEARCH && row >= 0; k++) {
      if (this.isSilent(row, at)) {
        if (silent < 0 || ordinal[row]! < ordinal[silent]!) silent = row;
      } else if (interval[row]! > 0 && (warm < 0 || ordinal[row]! < ordinal[warm]!)) warm = row;
      row = next[row]!;
      if (row === start) break;
    }
    head[workload] = row;
    return silent >= 0 ? silent : warm;
  }

  isSilent(row: SeriesIndex, at: EpochMs): boolean {
    const interval = this.rows.interval[row]!;
    if (interval < 0) return true;
    const silence = interval === 0 ? this.unknownSilence : Math.max(this.minSilence, interval * SILENT_INTERVALS);
    return at - this.rows.lastSeen[row]! > silence;
  }

  /** Adds a row to the ring of its workload under the lowest free ordinal. */
  join(row: SeriesIndex, workload: number): void {
    const { rows, workloads } = this;
    rows.workload[row] = workload;
    const ordinal = this.freeOrdinals.get(workload)?.pop() ?? workloads.nextOrdinal[workload]!++;
    rows.ordinal[row] = ordinal;
    if (ordinal === 0) workloads.first[workload] = row;
    const head = workloads.head[workload]!;
    if (head < 0) {
      rows.next[row] = row;
      rows.prev[row] = row;
      workloads.head[workload] = row;
      return;
    }
    const tail = rows.prev[head]!;
    rows.next[tail] = row;
    rows.prev[row] = tail;
    rows.next[row] = head;
    rows.prev[head] = row;
  }

  /** Makes a row the one of an instance. */
  name(row: SeriesIndex, a: number, b: number): void {
    this.rows.instanceKeys[2 * row] = a;
    this.rows.instanceKeys[2 * row + 1] = b;
    this.enter(row);
  }

  /** Forgets which instance a row is of. */
  unname(row: SeriesIndex): void {
    const { rows } = this;
    if (rows.ordinal[row] === 0) return;
    const { instanceKeys } = rows;
    hashPair(instanceKeys[2 * row]!, instanceKeys[2 * row + 1]!, rows.workload[row]!, HASH_SEED_B, this.key, 0);
    this.index.delete(this.key[0]!, this.key[1]!, row);
  }

  /** Takes a row out of the ring; true if it was the last one of its workload. */
  leave(row: SeriesIndex): boolean {
    const { rows, workloads } = this;
    const workload = rows.workload[row]!;
    if (rows.next[row] === row) {
      this.freeOrdinals.delete(workload);
      return true;
    }
    const next = rows.next[row]!;
    const prev = rows.prev[row]!;
    rows.next[prev] = next;
    rows.prev[next] = prev;
    if (workloads.head[workload] === row) workloads.head[workload] = next;
    if (rows.ordinal[row] === 0) workloads.first[workload] = -1;
    const ordinals = this.freeOrdinals.get(workload) ?? [];
    ordinals.push(rows.ordinal[row]!);
    ordinals.sort((left, right) => right - left);
    this.freeOrdinals.set(workload, ordinals);
    return false;
  }

  /** JSON-able: the free ordinals; everything else is in the columns. */
  save(): [number, number[]][] {
    return [...this.freeOrdinals].map(([workload, ordinals]) => [workload, [...ordinals]]);
  }

  restore(freeOrdinals: readonly (readonly [number, readonly number[]])[], used: number): void {
    this.freeOrdinals.clear();
    for (const [workload, ordinals] of freeOrdinals) this.freeOrdinals.set(workload, [...ordinals]);
    this.index.clear();
    for (let row = 0; row < used; row++) if (this.rows.live[row] === 1) this.enter(row);
  }

  private enter(row: SeriesIndex): void {
    const { rows } = this;
    if (rows.ordinal[row] === 0) return;
    const { instanceKeys } = rows;
    hashPair(instanceKeys[2 * row]!, instanceKeys[2 * row + 1]!, rows.workload[row]!, HASH_SEED_B, this.key, 0);
    this.index.set(this.key[0]!, this.key[1]!, row);
  }
}
