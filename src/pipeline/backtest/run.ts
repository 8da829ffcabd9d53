import { isDeepStrictEqual } from 'node:util';
import { TocsinError } from '../../domain/error.ts';
import type { BacktestMode, Comparison, ProposedChange } from '../../domain/replay/backtest.ts';
import type { JournalCheckpoint, JournalEntry } from '../../domain/replay/journal.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { type EpochMs, MINUTE } from '../../domain/units.ts';
import type { Settings } from '../settings.ts';
import { applyChange, changedKeys, detectionOf } from './change.ts';
import { labelledOf, pairUp, type StoredIncident, shown, totalsOf, unlike } from './compare.ts';
import { EngineFeed } from './engine-feed.ts';
import {
  checkpointOf,
  entriesFrom,
  firstWithInput,
  type InputAnchor,
  openRetained,
  type Retained,
  segmentBefore,
  settingsOf,
} from './retained.ts';
import { Side, whole } from './side.ts';

export interface RunOptions {
  readonly dataDir: string;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly mode?: BacktestMode;
  readonly change?: ProposedChange;
  /** Settings and hash of a changed configuration; absent: those that were recorded. */
  readonly proposed?: { readonly settings: Settings; readonly hash: string };
  readonly stored: readonly StoredIncident[];
  readonly onProgress: (share: number) => void;
}

/** The reports of the changed side: those that were written down, or those that the engine makes of the input. */
type ReportSource = (written: TickReport) => readonly TickReport[];

const MAX_DIFFERENT = 20;
/** Ticks end a little behind the clock. */
const NEARLY = MINUTE;

/**
 * Plays what is retained through the correlator that serves, twice: as it was, and with a change, as if that had been taken
 * into use by a restart at the beginning. The side of what was is held to what is stored.
 * @throws TocsinError `not_found` when nothing of that time is kept.
 */
export function runBacktest(options: RunOptions): Comparison {
  const { dataDir, to } = options;
  const retained = openRetained(dataDir);
  const notes: string[] = [];
  const asked = segmentBefore(retained, options.from);
  const recorded = settingsOf(checkpointOf(retained.segments[asked]!));
  const proposed = options.proposed?.settings ?? recorded;
  const mode = options.mode ?? (isDeepStrictEqual(detectionOf(recorded), detectionOf(proposed)) ? 'ticks' : 'input');
  const begin = mode === 'ticks' ? { segment: asked, anchors: [] } : firstWithInput(retained, asked);
  if (begin === null) throw new TocsinError('not_found', 'no raw input of that time is kept (retention.input)');
  const checkpoint = checkpointOf(retained.segments[begin.segment]!);
  const from = Math.max(options.from, checkpoint.at);
  const first = retained.segments[begin.segment]!;
  if (begin.segment > asked || (asked === 0 && first.from > options.from))
    notes.push(`kept only from ${new Date(first.from).toISOString()} on`);
  if (mode === 'ticks' && !isDeepStrictEqual(detectionOf(recorded), detectionOf(proposed)))
    notes.push('detection was changed too, which ticks cannot show: run it with mode input');

  const { settings, adjust, standing, notes: about } = applyChange(options.change, proposed, options.from);
  notes.push(...about);
  const { stamp, externalUrl, state } = checkpoint;
  const hash = options.proposed?.hash ?? stamp.configHash;
  const before = new Side({ settings: settingsOf(checkpoint), stamp, externalUrl }, state, checkpoint.standing);
  const after = new Side(
    { settings, stamp: { ...stamp, configHash: hash }, externalUrl, ...(adjust === undefined ? {} : { adjust }) },
    state,
    standing?.(checkpoint.standing) ?? checkpoint.standing,
  );
  const source = mode === 'ticks' ? asWritten : fromInput(retained, begin.anchors, checkpoint, settings, notes);

  const held = walk({
    retained,
    begin: begin.segment,
    to,
    before,
    after,
    source,
    notes,
    unchanged: options.proposed === undefined && options.change === undefined,
    progress: (at) => options.onProgress((at - from) / Math.max(1, to - from)),
  });
  const end = Math.min(to, held.end);
  if (end < to - NEARLY) notes.push(`kept only up to ${new Date(end).toISOString()}`);

  const of = (side: Side) =>
    [...side.incidents.values()]
      .filter(({ openedAt, closedAt }) => openedAt <= end && (closedAt ?? end) >= from)
      .map((incident) => side.briefOf(incident));
  const [was, would] = [of(before), of(after)];
  const verdicts = new Map(options.stored.flatMap(({ id, verdict }) => (verdict === null ? [] : [[id, verdict]])));
  const pairs = pairUp(was, would, verdicts);
  const byId = new Map(was.map((incident) => [incident.id, incident]));
  const stored = options.stored.filter(({ openedAt }) => openedAt >= from && openedAt <= end);
  const different = stored.flatMap((incident) => unlike(incident, byId.get(incident.id), end) ?? []);
  return {
    from,
    to: end,
    mode,
    exact: held.exact && different.length === 0,
    notes,
    config: {
      before: stamp.configHash,
      after: hash,
      changed: changedKeys(recorded, settings),
    },
    reproduced: {
      stored: stored.length,
      identical: stored.length - different.length,
      different: different.slice(0, MAX_DIFFERENT),
    },
    totals: { before: totalsOf(was), after: totalsOf(would) },
    labelled: labelledOf(pairs),
    incidents: shown(pairs),
    truncated: pairs.length > shown(pairs).length,
  };
}

const asWritten: ReportSource = (written) => [written];

interface Walk {
  readonly retained: Retained;
  readonly begin: number;
  readonly to: EpochMs;
  readonly before: Side;
  readonly after: Side;
  readonly source: ReportSource;
  readonly notes: string[];
  /** Both sides must come to what was. */
  readonly unchanged: boolean;
  readonly progress: (at: EpochMs) => void;
}

/** Both sides, entry by entry. Each checkpoint on the way must be the state that the first side has come to, bit by bit. */
function walk(options: Walk): { exact: boolean; end: EpochMs } {
  const { retained, begin, to, before, after, source, notes, unchanged, progress } = options;
  let exact = true;
  let end = 0;
  let checkpoints = 0;
  let parted = 0;
  // The first says it; those that follow from it are counted.
  const note = (text: string): void => {
    exact = false;
    if (parted++ === 0) notes.push(text);
  };
  const step = (entry: JournalEntry): boolean => {
    switch (entry.kind) {
      case 'report': {
        const report = whole(entry.report);
        if (report.at > to && !report.provisional) return false;
        before.take(report, entry.late);
        for (const one of source(report)) after.take(one, entry.late);
        end = Math.max(end, report.at);
        progress(report.at);
        return true;
      }
      case 'command':
        before.command(entry.command);
        after.command(entry.command);
        return true;
      case 'checkpoint':
        if (checkpoints++ === 0) return true;
        if (unchanged && entry.state !== null && after.correlator.save() !== entry.state)
          note(`the state of ${new Date(entry.at).toISOString()} does not follow from the input that is kept`);
        if (entry.state !== null && before.correlator.save() !== entry.state)
          note(
            `the state of ${new Date(entry.at).toISOString()} does not follow from what is kept: ${entry.start ? 'ticks are missing, or the program changed' : 'the program changed'}`,
          );
        else if (!entry.start) return true;
        // What really went on from here.
        before.restart(
          { settings: settingsOf(entry), stamp: entry.stamp, externalUrl: entry.externalUrl },
          entry.state,
        );
        for (const command of entry.standing) before.command(command);
        return true;
    }
  };
  for (const entry of entriesFrom(retained, begin)) if (!step(entry)) break;
  if (parted > 1) notes.push(`${parted} of ${checkpoints} kept states do not follow`);
  return { exact, end };
}

/** Reports of the engines over the retained input, each where its counterpart was applied. */
function fromInput(
  retained: Retained,
  anchors: readonly InputAnchor[],
  checkpoint: JournalCheckpoint,
  settings: Settings,
  notes: string[],
): ReportSource {
  const same = isDeepStrictEqual(detectionOf(settingsOf(checkpoint)), detectionOf(settings));
  const feeds = anchors.map((anchor) => {
    try {
      return new EngineFeed(retained.dataDir, anchor, settings);
    } catch (error) {
      // A changed set of detectors does not fit the kept state: as a new process without one.
      notes.push(`shard ${anchor.shard} starts without what it had learnt: ${(error as Error).message}`);
      return new EngineFeed(retained.dataDir, anchor, settings, false);
    }
  });
  for (const [shard, feed] of feeds.entries()) {
    const applied = checkpoint.applied[String(shard)] ?? -1;
    const isOld = (report: TickReport): boolean => (same ? report.sequence <= applied : report.at <= checkpoint.at);
    for (let report = feed.peek(); report !== null && isOld(report); report = feed.peek()) feed.take();
  }
  return (written) => {
    const feed = feeds[written.shard];
    if (feed === undefined) return [];
    const out: TickReport[] = [];
    for (let next = feed.peek(); next !== null; next = feed.peek()) {
      const due = written.provisional ? next.provisional && next.at === written.at : next.at <= written.at;
      if (!due) break;
      out.push(feed.take()!);
      if (written.provisional || (!next.provisional && next.at === written.at)) break;
    }
    return out;
  };
}
