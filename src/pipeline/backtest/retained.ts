import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TocsinError } from '../../domain/error.ts';
import type { JournalCheckpoint, JournalEntry } from '../../domain/replay/journal.ts';
import type { EpochMs } from '../../domain/units.ts';
import { inputLogStart } from '../../store/input-log/input-log.ts';
import { type JournalSegment, listJournal, readJournal } from '../../store/journal/journal.ts';
import { listSnapshots, readSnapshotMeta, type StoredSnapshot } from '../../store/snapshot/file-snapshot-store.ts';
import { journalFolder } from '../journal/open.ts';
import { type Settings, settingsSchema } from '../settings.ts';

export const inputFolder = (dataDir: string, shard: number): string => join(dataDir, 'input-log', `shard-${shard}`);

/** Where a replay of one shard's input begins: a kept state and the log behind it, or (null) the very beginning. */
export interface InputAnchor {
  readonly shard: number;
  readonly snapshot: StoredSnapshot | null;
  /** Number of the first report that follows. */
  readonly sequence: number;
}

/** What a data folder keeps for replays, read beside the process that writes it. Nothing is changed. */
export interface Retained {
  readonly dataDir: string;
  readonly shards: number;
  readonly segments: readonly JournalSegment[];
}

/** @throws TocsinError `not_found` when nothing is kept there. */
export function openRetained(dataDir: string): Retained {
  const segments = listJournal(journalFolder(dataDir));
  if (segments.length === 0)
    throw new TocsinError('not_found', `${dataDir} keeps no ticks to replay (retention.ticks), or is no data_dir`);
  const layout = join(dataDir, 'layout.json');
  const shards = existsSync(layout) ? (JSON.parse(readFileSync(layout, 'utf8')) as { shards: number }).shards : 1;
  return { dataDir, shards, segments };
}

/** Index of the segment that a replay to or from `at` begins with: the last whose checkpoint is not after it. */
export function segmentBefore(retained: Retained, at: EpochMs): number {
  return Math.max(
    0,
    retained.segments.findLastIndex(({ from }) => from <= at),
  );
}

/** @throws TocsinError `not_found` when the segment went meanwhile. */
export function checkpointOf(segment: JournalSegment): JournalCheckpoint {
  for (const entry of readJournal(segment.path)) {
    if (entry.kind === 'checkpoint') return entry;
    break;
  }
  throw new TocsinError('corrupt', `${segment.path} does not begin with a checkpoint`);
}

/** The settings of a checkpoint; keys that its program did not know are as they are by default. */
export const settingsOf = ({ settings }: JournalCheckpoint): Settings =>
  completed(settings, settingsSchema.parse({})) as Settings;

function completed(given: unknown, defaults: unknown): unknown {
  if (!isPlain(given) || !isPlain(defaults)) return given === undefined ? defaults : given;
  const missing = Object.keys(defaults).filter((key) => !(key in given));
  const known = Object.entries(given).map(([key, value]) => [key, completed(value, defaults[key])]);
  return Object.fromEntries([...known, ...missing.map((key) => [key, defaults[key]])]);
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every entry from a segment on, in order. */
export function* entriesFrom(retained: Retained, segment: number): Generator<JournalEntry> {
  for (const { path } of retained.segments.slice(segment)) yield* readJournal(path);
}

/** For each shard the newest place to begin from which every report after the checkpoint follows; null when one has none. */
export function anchorsBefore(retained: Retained, checkpoint: JournalCheckpoint): readonly InputAnchor[] | null {
  const anchors: InputAnchor[] = [];
  for (let shard = 0; shard < retained.shards; shard++) {
    const found = anchorBefore(retained, shard, (checkpoint.applied[String(shard)] ?? -1) + 1);
    if (found === null) return null;
    anchors.push(found);
  }
  return anchors;
}

/** The newest place of a shard to begin from which report number `sequence` and every later one follow; null when there is none. */
export function anchorBefore(retained: Retained, shard: number, sequence: number): InputAnchor | null {
  const start = inputLogStart(inputFolder(retained.dataDir, shard));
  if (start === null) return null;
  const folder = join(retained.dataDir, 'snapshots');
  for (const snapshot of existsSync(folder) ? listSnapshots(folder, shard).toReversed() : []) {
    if (snapshot.position < start) break;
    const meta = readSnapshotMeta(snapshot.path, 'engine') as { sequence: number };
    if (meta.sequence <= sequence) return { shard, snapshot, sequence: meta.sequence };
  }
  return start === 0 ? { shard, snapshot: null, sequence: 0 } : null;
}

/** The first segment, not before `segment`, whose input is still there; null when none is. */
export function firstWithInput(
  retained: Retained,
  segment: number,
): { readonly segment: number; readonly anchors: readonly InputAnchor[] } | null {
  for (let i = segment; i < retained.segments.length; i++) {
    const anchors = anchorsBefore(retained, checkpointOf(retained.segments[i]!));
    if (anchors !== null) return { segment: i, anchors };
  }
  return null;
}
