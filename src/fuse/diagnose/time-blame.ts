import type { EpochMs } from '../../domain/units.ts';
import type { CallChange, CallHistory, GapChange } from './call-history.ts';

/** What the spans charge a service with since the onset. `self` and `gap`: added ms a minute, weighted by the relative rise. */
export interface TimeBlame {
  readonly self: number;
  readonly gap: number;
  readonly errors: number;
  readonly selfText: string;
  readonly gapText: string;
  readonly errorText: string;
}

/** A change below this many robust deviations is not one. */
const CLEAR_Z = 3;

/**
 * Own time, gap and own errors of a service. The gap on an edge (client span less server span) is charged to the callee,
 * but for what the caller's gaps rose by on most of its calls alike: then its own side is starved (processor,
 * connections), and that common part is charged to the caller as its own time.
 */
export function blameTime(
  calls: CallHistory,
  service: string,
  change: CallChange | null,
  onset: EpochMs,
  at: EpochMs,
): TimeBlame {
  if (change !== null && !change.compared) {
    const clear = (s: number) => (s >= 3 ? s : 0);
    return {
      self: clear(change.serverSurprise),
      gap: clear(change.gapSurprise),
      errors: clear(change.errorSurprise),
      selfText: 'its own time is unusually high',
      gapText: 'time lost on the way to it is unusually high',
      errorText: 'its own errors are unusually many',
    };
  }
  const own = change === null ? 0 : added(change.selfBefore, change.selfAfter, change.selfZ, change.callsPerMinute);
  const outgoing = shared(calls.gaps(service, onset, at)).flatMap((g) => (g.common > 0 ? [g] : []));
  const waiting = outgoing.reduce((sum, g) => sum + added(g.before, g.before + g.common, g.z, g.callsPerMinute), 0);
  const incoming = calls
    .callers(service)
    .flatMap((caller) => shared(calls.gaps(caller, onset, at)).filter((g) => g.callee === service));
  const excess = (g: SharedGap) => added(g.before, g.after - g.common, g.z, g.callsPerMinute);
  const worst = incoming.toSorted((a, b) => excess(b) - excess(a))[0];
  const slowest = outgoing.toSorted((a, b) => b.callsPerMinute - a.callsPerMinute)[0];
  return {
    self: own + waiting,
    gap: incoming.reduce((sum, g) => sum + excess(g), 0),
    errors: change === null ? 0 : added(change.errorsBefore, change.errorsAfter, change.errorsZ, change.callsPerMinute),
    selfText:
      change !== null && own >= waiting
        ? `its own time rose from ${ms(change.selfBefore)} to ${ms(change.selfAfter)}`
        : slowest === undefined
          ? ''
          : `it waits longer on all its calls, ${ms(slowest.before)} to ${ms(slowest.before + slowest.common)}: slow on its own side`,
    gapText:
      worst === undefined ? '' : `time lost on the way to it rose from ${ms(worst.before)} to ${ms(worst.after)}`,
    errorText:
      change === null
        ? ''
        : `its own errors rose from ${percent(change.errorsBefore)} to ${percent(change.errorsAfter)}`,
  };
}

interface SharedGap extends GapChange {
  /** The part of the rise that most calls of this caller share, ms. */
  readonly common: number;
}

/** Splits the rises of a caller's gaps into what its calls have in common (lower median) and the rest. */
function shared(gaps: readonly GapChange[]): SharedGap[] {
  const rises = gaps.map((g) => (g.z >= CLEAR_Z ? g.after - g.before : 0)).sort((a, b) => a - b);
  const common = gaps.length < 2 ? 0 : (rises[Math.floor((gaps.length - 1) / 2)] ?? 0);
  return gaps.map((g) => ({ ...g, common: g.z >= CLEAR_Z ? Math.min(common, g.after - g.before) : 0 }));
}

/** Added amount a minute; a rise tenfold says more than the same amount on top of much: weighted by its logarithm. */
function added(before: number, after: number, z: number, callsPerMinute: number): number {
  if (z < CLEAR_Z) return 0;
  const floor = Math.max(before, 0.01 * after, 1e-9);
  return (after - before) * callsPerMinute * Math.log2(1 + after / floor);
}

function ms(value: number): string {
  if (value >= 1000) return `${Number((value / 1000).toPrecision(2))} s`;
  return `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} ms`;
}

const percent = (ratio: number): string => `${Number((ratio * 100).toPrecision(2))} %`;
