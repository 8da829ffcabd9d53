import type { EdgeTick } from '../../domain/anomaly.ts';
import { type EpochMs, MINUTE } from '../../domain/units.ts';

/**
 * What spans say about each service, by minute, for the last half hour: enough to compare before and after an onset.
 * Per service and minute: calls, ms in its server spans, ms it waited for its own callees, errors it returned, errors it
 * received, strongest surprises. Per edge and minute: calls and the gap, ms the caller waited in excess of the server span.
 */
export interface CallHistory {
  add(at: EpochMs, edges: readonly EdgeTick[]): void;
  /** Change of a service between the minutes before `onset` and those from it on; null without spans. */
  change(service: string, onset: EpochMs, at: EpochMs): CallChange | null;
  /** Change of the gap on every edge out of a caller; only edges with calls in both periods. */
  gaps(caller: string, onset: EpochMs, at: EpochMs): readonly GapChange[];
  callees(service: string): readonly string[];
  callers(service: string): readonly string[];
  save(): CallHistoryState;
  restore(state: CallHistoryState): void;
}

export interface CallChange {
  /** Own time per call, ms: server span less the time spent waiting for callees. */
  readonly selfBefore: number;
  readonly selfAfter: number;
  /** Error ratio not explained by errors of its own callees. */
  readonly errorsBefore: number;
  readonly errorsAfter: number;
  /** In robust deviations of the minutes before. */
  readonly selfZ: number;
  readonly errorsZ: number;
  readonly callsPerMinute: number;
  /** Largest surprise reported by the shard since the onset: own server time, gap, errors. */
  readonly serverSurprise: number;
  readonly gapSurprise: number;
  readonly errorSurprise: number;
  /** Whether there were enough minutes before the onset to compare with. */
  readonly compared: boolean;
}

export interface GapChange {
  readonly callee: string;
  readonly before: number;
  readonly after: number;
  readonly z: number;
  readonly callsPerMinute: number;
}

/** minute, calls, server ms, waited ms, errors out, errors received, server / gap / error surprise. */
type Row = [number, number, number, number, number, number, number, number, number];
/** minute, calls, gap ms. */
type GapRow = [number, number, number];
export interface CallHistoryState {
  readonly version: 1;
  readonly rows: readonly (readonly [string, readonly Row[]])[];
  readonly edges: readonly (readonly [string, string, EpochMs, readonly GapRow[]])[];
}

const KEPT_MINUTES = 30;
/** Edges not seen for this long no longer count as topology. */
const EDGE_MEMORY = 24 * 60 * MINUTE;

interface Edge {
  seen: EpochMs;
  rows: GapRow[];
}

export function createCallHistory(): CallHistory {
  let rows = new Map<string, Row[]>();
  let edges = new Map<string, Map<string, Edge>>();

  function rowOf(service: string, minute: number): Row {
    let list = rows.get(service);
    if (list === undefined) {
      list = [];
      rows.set(service, list);
    }
    const last = list.at(-1);
    if (last !== undefined && last[0] === minute) return last;
    const late = list.find((r) => r[0] === minute);
    if (late !== undefined) return late;
    const row: Row = [minute, 0, 0, 0, 0, 0, 0, 0, 0];
    list.push(row);
    if (list.length > KEPT_MINUTES) list.shift();
    return row;
  }

  return {
    add(at, ticks) {
      // A tick is named by its end; the minute it belongs to is that of its last instant.
      const minute = Math.ceil(at / MINUTE) - 1;
      for (const e of ticks) {
        const outgoing = edges.get(e.caller) ?? new Map<string, Edge>();
        const edge = outgoing.get(e.callee) ?? { seen: at, rows: [] };
        edge.seen = at;
        outgoing.set(e.callee, edge);
        edges.set(e.caller, outgoing);
        const gap = gapRow(edge, minute);
        gap[1] += e.calls;
        gap[2] = rounded(gap[2] + e.calls * Math.max(0, finite(e.gapMs)));
        const callee = rowOf(e.callee, minute);
        callee[1] += e.calls;
        callee[2] = rounded(callee[2] + e.calls * finite(e.serverMs));
        callee[4] += e.errors;
        callee[6] = Math.max(callee[6], e.serverSurprise);
        callee[7] = Math.max(callee[7], e.gapSurprise);
        callee[8] = Math.max(callee[8], e.errorSurprise);
        const caller = rowOf(e.caller, minute);
        caller[3] = rounded(caller[3] + e.calls * (finite(e.serverMs) + Math.max(0, finite(e.gapMs))));
        caller[5] += e.errors;
      }
      for (const [caller, outgoing] of edges) {
        for (const [callee, edge] of outgoing) if (at - edge.seen > EDGE_MEMORY) outgoing.delete(callee);
        if (outgoing.size === 0) edges.delete(caller);
      }
    },
    change(service, onset, at) {
      const list = (rows.get(service) ?? []).filter((r) => r[1] > 0).sort((a, b) => a[0] - b[0]);
      if (list.length === 0) return null;
      const { before, used, after } = split(list, onset, at);
      if (after.length === 0) return null;
      const self = compare(before.map(selfOf), used.map(selfOf), 0.5);
      const errors = compare(before.map(errorsOf), used.map(errorsOf), 0.01);
      return {
        selfBefore: self.before,
        selfAfter: self.after,
        selfZ: self.z,
        errorsBefore: errors.before,
        errorsAfter: errors.after,
        errorsZ: errors.z,
        callsPerMinute: meanCalls(used),
        serverSurprise: Math.max(...after.map((r) => r[6])),
        gapSurprise: Math.max(...after.map((r) => r[7])),
        errorSurprise: Math.max(...after.map((r) => r[8])),
        compared: before.length >= 3,
      };
    },
    gaps(caller, onset, at) {
      const out: GapChange[] = [];
      for (const [callee, edge] of edges.get(caller) ?? []) {
        const { before, used } = split(edge.rows, onset, at);
        if (before.length < 3 || used.length === 0) continue;
        const change = compare(before.map(gapOf), used.map(gapOf), 0.5);
        out.push({ callee, ...change, callsPerMinute: meanCalls(used) });
      }
      return out.sort((a, b) => (a.callee < b.callee ? -1 : 1));
    },
    callees: (service) => [...(edges.get(service)?.keys() ?? [])].sort(),
    callers: (service) => [...edges].flatMap(([caller, out]) => (out.has(service) ? [caller] : [])).sort(),
    save: () => ({
      version: 1,
      rows: [...rows].map(([service, list]) => [service, list.map((r) => [...r] as Row)] as const),
      edges: [...edges].flatMap(([caller, out]) =>
        [...out].map(([callee, e]) => [caller, callee, e.seen, e.rows.map((r) => [...r] as GapRow)] as const),
      ),
    }),
    restore(state) {
      rows = new Map(state.rows.map(([service, list]) => [service, list.map((r) => [...r] as Row)]));
      edges = new Map();
      for (const [caller, callee, seen, gapRows] of state.edges) {
        const out = edges.get(caller) ?? new Map<string, Edge>();
        out.set(callee, { seen, rows: gapRows.map((r) => [...r] as GapRow) });
        edges.set(caller, out);
      }
    },
  };
}

const selfOf = (r: Row): number => Math.max(0, r[2] - r[3]) / r[1];
const gapOf = (r: GapRow): number => r[2] / r[1];
const errorsOf = (r: Row): number => Math.max(0, r[4] - r[5]) / r[1];
const meanCalls = (list: readonly (Row | GapRow)[]): number => list.reduce((sum, r) => sum + r[1], 0) / list.length;

function gapRow(edge: Edge, minute: number): GapRow {
  const found = edge.rows.findLast((r) => r[0] === minute);
  if (found !== undefined) return found;
  const row: GapRow = [minute, 0, 0];
  edge.rows.push(row);
  if (edge.rows.length > KEPT_MINUTES) edge.rows.shift();
  return row;
}

/** Minutes before the onset, from it on, and of the latter those with enough calls to say something. */
function split<R extends Row | GapRow>(rows: readonly R[], onset: EpochMs, at: EpochMs) {
  const first = Math.floor(onset / MINUTE);
  const last = Math.ceil(at / MINUTE);
  const list = rows.filter((r) => r[1] > 0);
  // The minute just before the onset may already be touched by it: onsets are estimates.
  const before = list.filter((r) => r[0] < first - 1);
  const after = list.filter((r) => r[0] >= first - 1 && r[0] <= last);
  const calls = median(before.map((r) => r[1]));
  const busy = after.filter((r) => r[1] >= 0.2 * calls);
  return { before, after, used: busy.length === 0 ? after : busy };
}

/** Largest value after, median before, and their distance in robust deviations (floor: 10 % of the median, or `least`). */
function compare(before: readonly number[], after: readonly number[], least: number) {
  const middle = median(before);
  const peak = Math.max(...after);
  const spread = (quantile(before, 0.75) - quantile(before, 0.25)) / 1.349;
  return { before: middle, after: peak, z: (peak - middle) / Math.max(spread, 0.1 * middle, least) };
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? 0;
  return low + (high - low) * (at - Math.floor(at));
}

const finite = (value: number): number => (Number.isFinite(value) ? value : 0);
/** Sums are kept to a thousandth: the state is written with every commit. */
const rounded = (value: number): number => Math.round(value * 1000) / 1000;
