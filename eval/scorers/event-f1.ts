import { runsOf } from '../data/metric-sets.ts';
import type { ScoredSeries } from './delay-f1.ts';

/** Runs at most this many samples apart are one; an alarm run this near to an event is no false alarm. */
export const MERGE_GAP = 5;

/** Allowed delay in samples: 7, or 3 for hourly data. */
export function delayLimit(stepMs: number): number {
  return stepMs >= 3_600_000 ? 3 : 7;
}

export interface EventCounts {
  events: number;
  caught: number;
  falseAlarms: number;
  /** Length of the series in days (rows times step). */
  days: number;
  /** Samples from the event's start to the first alarm in time, of each caught event. */
  readonly delays: number[];
}

/** Label runs at most `MERGE_GAP` samples apart are one event; inclusive index ranges. */
export function eventsOf(label: Uint8Array): [number, number][] {
  return merge(runsOf(label));
}

function merge(runs: readonly (readonly [number, number])[]): [number, number][] {
  const merged: [number, number][] = [];
  for (const [from, to] of runs) {
    const last = merged.at(-1);
    if (last !== undefined && from - last[1] <= MERGE_GAP) last[1] = to;
    else merged.push([from, to]);
  }
  return merged;
}

/** Alarm rows as ascending indices -> counts of one series. */
export function countEvents(
  events: readonly (readonly [number, number])[],
  alarms: ArrayLike<number>,
  rows: number,
  stepMs: number,
): EventCounts {
  const k = delayLimit(stepMs);
  const counts: EventCounts = {
    events: events.length,
    caught: 0,
    falseAlarms: 0,
    days: (rows * stepMs) / 86_400_000,
    delays: [],
  };
  let at = 0;
  for (const [a, b] of events) {
    while (at < alarms.length && alarms[at]! < a) at++;
    if (at < alarms.length && alarms[at]! <= Math.min(b, a + k)) {
      counts.caught++;
      counts.delays.push(alarms[at]! - a);
    }
  }
  let event = 0;
  for (let i = 0; i < alarms.length; ) {
    const from = alarms[i]!;
    while (i + 1 < alarms.length && alarms[i + 1]! - alarms[i]! <= MERGE_GAP) i++;
    const to = alarms[i]!;
    i++;
    while (event < events.length && events[event]![1] + MERGE_GAP < from) event++;
    const touches = event < events.length && events[event]![0] - MERGE_GAP <= to;
    if (!touches) counts.falseAlarms++;
  }
  return counts;
}

export interface EventFigures {
  readonly threshold: number;
  readonly f1: number;
  readonly precision: number;
  readonly recall: number;
  readonly falseAlarmsPerDay: number;
  /** In samples; NaN when nothing was caught. */
  readonly medianDelay: number;
}

export function figuresOf(
  perSeries: readonly EventCounts[],
  threshold: number,
  weight?: ArrayLike<number>,
): EventFigures {
  let events = 0;
  let caught = 0;
  let falseAlarms = 0;
  let days = 0;
  const delays: number[] = [];
  perSeries.forEach((c, i) => {
    const w = weight === undefined ? 1 : weight[i]!;
    events += w * c.events;
    caught += w * c.caught;
    falseAlarms += w * c.falseAlarms;
    days += w * c.days;
    if (w > 0) delays.push(...c.delays);
  });
  delays.sort((a, b) => a - b);
  const precision = caught + falseAlarms === 0 ? 0 : caught / (caught + falseAlarms);
  const recall = events === 0 ? 0 : caught / events;
  return {
    threshold,
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
    falseAlarmsPerDay: days === 0 ? 0 : falseAlarms / days,
    medianDelay: delays.length === 0 ? Number.NaN : delays[delays.length >> 1]!,
  };
}

/** Counts per series at one threshold (alarm: score >= threshold). */
export function eventCountsAt(series: readonly ScoredSeries[], threshold: number): EventCounts[] {
  return series.map((s) => countEvents(eventsOf(s.label), indicesFrom(s.score, threshold), s.label.length, s.stepMs));
}

function indicesFrom(score: Float32Array, threshold: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < score.length; i++) if (score[i]! >= threshold) found.push(i);
  return found;
}

/**
 * Figures over a grid of thresholds that raises 10 .. 5 % of all rows, strictest first. Below that, alarm runs merge
 * into carpets, which no on-call team would accept and which would make the false alarm count fall again.
 */
export function eventCurve(series: readonly ScoredSeries[], steps = 160): EventFigures[] {
  let rows = 0;
  for (const s of series) rows += s.score.length;
  const all = new Float32Array(rows);
  let n = 0;
  for (const s of series) {
    all.set(s.score, n);
    n += s.score.length;
  }
  all.sort();
  const thresholds = new Set<number>();
  const most = Math.max(1, Math.floor(rows * 0.05));
  for (let i = 0; i < steps; i++) {
    const rank = Math.round(10 * (most / 10) ** (i / (steps - 1)));
    const value = all[Math.max(0, rows - Math.max(1, rank))]!;
    if (value > all[0]!) thresholds.add(value);
  }
  const sorted = [...thresholds].sort((a, b) => b - a);
  const floor = sorted.at(-1) ?? Number.POSITIVE_INFINITY;
  const candidates = series.map((s) => indicesFrom(s.score, floor));
  const events = series.map((s) => eventsOf(s.label));
  return sorted.map((threshold) => {
    const counts = series.map((s, i) => {
      const alarms = candidates[i]!.filter((at) => s.score[at]! >= threshold);
      return countEvents(events[i]!, alarms, s.label.length, s.stepMs);
    });
    return figuresOf(counts, threshold);
  });
}

export function bestEventF1(curve: readonly EventFigures[]): EventFigures | null {
  let best: EventFigures | null = null;
  for (const point of curve) if (best === null || point.f1 > best.f1) best = point;
  return best;
}

/** Largest recall that costs at most `perWeek` false alarms per series and week. */
export function recallAtBudget(curve: readonly EventFigures[], perWeek: number): number {
  let recall = 0;
  for (const point of curve) if (point.falseAlarmsPerDay * 7 <= perWeek && point.recall > recall) recall = point.recall;
  return recall;
}
