import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Clock, IntakeResult, PayloadFormat, Signal, SignalIntake } from '../../domain/ports.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { FileInputLog } from '../../store/input-log/input-log.ts';
import { FileSnapshotStore, type SnapshotRetention } from '../../store/snapshot/file-snapshot-store.ts';
import type { SnapshotWriter } from '../../store/snapshot/snapshot-writer.ts';
import { MetricInput } from '../engine/metric-input.ts';
import { ShardEngine, type ShardStats } from '../engine/shard-engine.ts';
import type { Settings } from '../settings.ts';
import { applyFrame, bodyHeader, encodeTime, FRAME } from './log-kinds.ts';

/** Reports sent but not yet durable with the correlator; beyond it new requests are refused with a retry signal. */
const MAX_UNACKNOWLEDGED = 512;
const BUSY_RETRY_MS = 1_000;
/** A snapshot that could not be written is tried again after this long, or when the next is due if that is sooner. */
const SNAPSHOT_RETRY_MS = 60_000;
/** Requests wait this long at most for a piece of a snapshot. */
const SLICE_MS = 2;

const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME));

export type DurableStats = ShardStats & {
  readonly logPosition: number;
  /** Inputs that replay passed over because of a bug. */
  readonly replayFaults: number;
};

export interface DurableShardOptions {
  readonly shard: number;
  /** How many share what is retained; 1 when it is not given. */
  readonly shards?: number;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly emit: (report: TickReport) => void;
  /** Progress of the replay at start, 0-1. */
  readonly onReplay?: (share: number) => void;
  /** What went wrong and was passed over: a damaged snapshot, an input that a bug kept from being applied. */
  readonly onWarning?: (message: string) => void;
}

/**
 * A shard that survives a kill at any instant: each request is in the input log before it is applied and acknowledged,
 * state is saved now and then, and a restart replays what came since. Reports that were sent before are sent again with
 * the same sequence, and the correlator passes over them.
 */
export class DurableShard implements SignalIntake {
  readonly #options: DurableShardOptions;
  readonly #engine: ShardEngine;
  readonly #log: FileInputLog;
  readonly #snapshots: FileSnapshotStore;
  #acknowledged = 0;
  #snapshotAt: number;
  #snapshotPosition: number;
  /** No snapshot is tried before this, after one could not be written. */
  #snapshotNotBefore = 0;
  /** A snapshot under way, and where it stands. */
  #saving: {
    readonly writer: SnapshotWriter;
    readonly at: number;
    readonly position: number;
    isWritten: boolean;
  } | null = null;
  /** What kept the last snapshot from being made safe. */
  #savingFault: unknown = null;
  #replayFaults = 0;
  #open = false;
  /** Memory is ahead of the log, because a write failed: only a snapshot makes the log follow from something again. */
  #ahead = false;
  readonly #input = new MetricInput();

  private constructor(options: DurableShardOptions) {
    const { settings, shard } = options;
    this.#options = options;
    this.#engine = new ShardEngine({ shard, settings, emit: options.emit });
    this.#log = new FileInputLog({
      directory: join(settings.data_dir, 'input-log', `shard-${shard}`),
      fsync: settings.durability.fsync,
    });
    this.#snapshots = new FileSnapshotStore(join(settings.data_dir, 'snapshots'), options.onWarning);
    this.#snapshotAt = options.clock.now();
    this.#snapshotPosition = 0;
  }

  /** Restores the last snapshot and replays the log behind it. */
  static async open(options: DurableShardOptions): Promise<DurableShard> {
    const shard = new DurableShard(options);
    const snapshot = await shard.#snapshots.read(options.shard);
    if (snapshot !== null) {
      shard.#engine.restore(snapshot.parts);
      shard.#snapshotPosition = snapshot.position;
    }
    shard.#acknowledged = shard.#engine.sequence;
    shard.#replay(snapshot?.position ?? 0);
    shard.#append(FRAME.resume, encodeTime(options.clock.now()));
    shard.#engine.resume(options.clock.now());
    shard.#open = true;
    return shard;
  }

  /** Durable once this returns. */
  accept(signal: Signal, format: PayloadFormat, body: Uint8Array, tenant: string): IntakeResult {
    if (!this.#open) throw new TocsinError('unavailable', 'starting or stopping', { retryAfterMs: BUSY_RETRY_MS });
    if (this.#engine.sequence - this.#acknowledged > MAX_UNACKNOWLEDGED) {
      throw new TocsinError('overloaded', 'the correlator is behind; try again', { retryAfterMs: BUSY_RETRY_MS });
    }
    if (this.#ahead && !this.snapshot())
      throw new TocsinError('unavailable', 'the input log failed; waiting to save state', {
        retryAfterMs: BUSY_RETRY_MS,
      });
    const wallNow = this.#options.clock.now();
    if (signal === 'metrics') return this.#acceptMetrics(format, body, tenant, wallNow);
    this.#append(FRAME.body, bodyHeader({ signal, format, tenant, wallNow }), body);
    return this.#engine.accept(signal, format, body, tenant, wallNow);
  }

  /**
   * Metrics are decoded first, logged, and applied then: columns are a twentieth of the body, and cost less to replay. A body
   * that brings something new besides samples (a series, a name, the end of a series) is logged as it came.
   */
  #acceptMetrics(format: PayloadFormat, body: Uint8Array, tenant: string, wallNow: number): IntakeResult {
    const input = this.#input;
    const { result, plain } = this.#read(format, body, tenant, wallNow);
    // Numbering its series has changed the state already.
    this.#ahead = true;
    if (plain) this.#append(FRAME.columns, input.encode(wallNow));
    else this.#append(FRAME.body, bodyHeader({ signal: 'metrics', format, tenant, wallNow }), body);
    this.#ahead = false;
    this.#engine.apply(input, wallNow);
    return result;
  }

  #read(format: PayloadFormat, body: Uint8Array, tenant: string, wallNow: number): ReturnType<ShardEngine['read']> {
    try {
      return this.#engine.read(format, body, tenant, wallNow, this.#input);
    } catch (error) {
      // What is refused leaves no trace; a bug may have left some, and the log knows nothing of it.
      if (!(error instanceof TocsinError)) this.#ahead = true;
      throw error;
    }
  }

  /** Call about twice a second: closes ticks while the input pauses, and saves state when it is time. */
  tick(): void {
    const now = this.#options.clock.now();
    if (this.#engine.wantsTime(now)) {
      this.#append(FRAME.time, encodeTime(now));
      this.#engine.passTime(now);
    }
    const { snapshot_every, snapshot_log_size } = this.#options.settings.durability;
    const due =
      now - this.#snapshotAt >= snapshot_every || this.#log.position - this.#snapshotPosition >= snapshot_log_size;
    if (due && this.#saving === null && this.#log.position > this.#snapshotPosition) this.#beginSnapshot();
    if (this.#savingFault === null) return;
    const fault = this.#savingFault;
    this.#savingFault = null;
    throw fault;
  }

  /**
   * Writes a piece of the snapshot that `tick` has begun; requests are taken in between. Returns whether there is more to
   * write.
   * @throws TocsinError `unavailable` when it cannot be written; nothing is lost, since the log keeps everything.
   */
  continueSnapshot(): boolean {
    const saving = this.#saving;
    if (saving === null || saving.isWritten) return false;
    try {
      if (!saving.writer.step(SLICE_MS)) return true;
    } catch (error) {
      this.#endSaving();
      throw error;
    }
    this.#engine.keeper = null;
    saving.isWritten = true;
    void saving.writer.finish().then(
      (isDone) => {
        if (isDone) this.#saved(saving.position, saving.at);
        if (this.#saving === saving) this.#saving = null;
      },
      (error: unknown) => {
        this.#savingFault = error;
        if (this.#saving === saving) this.#saving = null;
      },
    );
    return false;
  }

  /** The correlator made every report below `sequence` durable. */
  acknowledge(sequence: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, sequence);
  }

  /**
   * Saves state and forgets the log before it. Only when all reports are acknowledged: a report that the correlator has
   * not made durable must still follow from the log. Returns whether it was saved.
   * @throws TocsinError `unavailable` when it cannot be written; nothing is lost, since the log keeps everything.
   */
  snapshot(): boolean {
    this.#cancelSaving();
    if (!this.#beginSnapshot()) return false;
    const { writer, position, at } = this.#saving!;
    try {
      writer.step(Number.POSITIVE_INFINITY);
      writer.finishSync();
    } finally {
      this.#endSaving();
    }
    this.#saved(position, at);
    this.#ahead = false;
    return true;
  }

  /** Starts a snapshot of the state as it is; what changes from now on is copied first. Returns whether it may be taken. */
  #beginSnapshot(): boolean {
    const at = this.#options.clock.now();
    if (this.#acknowledged < this.#engine.sequence || at < this.#snapshotNotBefore) return false;
    // Not before: a full disk is not to be filled with a try at every tick and request. Cleared once it is written.
    this.#snapshotNotBefore = at + Math.min(SNAPSHOT_RETRY_MS, this.#options.settings.durability.snapshot_every);
    this.#log.sync();
    this.#log.rotate();
    const position = this.#log.position;
    const parts = this.#engine.save(true);
    const writer = this.#snapshots.begin(this.#options.shard, { at, position, parts }, this.#retention());
    this.#saving = { writer, at, position, isWritten: false };
    this.#engine.keeper = writer.keeper;
    return true;
  }

  #retention(): SnapshotRetention {
    const { shards = 1, settings } = this.#options;
    const { input, snapshot_spacing: spacing } = settings.retention;
    return { spacing, maxBytes: input / shards };
  }

  #cancelSaving(): void {
    if (this.#saving === null) return;
    this.#saving.writer.cancel();
    this.#endSaving();
    this.#snapshotNotBefore = 0;
  }

  #endSaving(): void {
    this.#saving = null;
    this.#engine.keeper = null;
  }

  /** Forgets the log that a snapshot, which is safe now, stands for. */
  #saved(position: number, at: number): void {
    this.#snapshotNotBefore = 0;
    const { maxBytes } = this.#retention();
    const kept = this.#snapshots.list(this.#options.shard);
    // A replay may also start where everything began, without a state.
    const states = kept.reduce((sum, snapshot) => sum + snapshot.bytes, 0);
    const all = this.#log.start === 0 && position + states <= maxBytes;
    // The snapshot before this one stays usable as a fallback: its log is kept too.
    this.#log.truncate(all ? 0 : Math.min(this.#snapshotPosition, kept[0]!.position));
    this.#snapshotPosition = position;
    this.#snapshotAt = at;
  }

  /** True when the correlator has made every report durable. */
  get settled(): boolean {
    return this.#acknowledged >= this.#engine.sequence;
  }

  stats(): DurableStats {
    return { ...this.#engine.stats(), logPosition: this.#log.position, replayFaults: this.#replayFaults };
  }

  /** Fingerprints of the parts of the state, to tell which one differs. */
  partHashes(): Record<string, string> {
    return Object.fromEntries(
      Object.entries(this.#engine.save()).map(([name, part]) => [name, hashState({ [name]: part })]),
    );
  }

  /** Fingerprint of the whole state, for tests of crash safety. */
  stateHash(): string {
    return hashState(this.#engine.save());
  }

  /** Refuses new requests; what was acknowledged is durable already. */
  close(): void {
    this.#open = false;
    // The last chance to save: tried even if it failed a moment ago.
    this.#snapshotNotBefore = 0;
    try {
      this.snapshot();
    } finally {
      this.#log.close();
    }
  }

  #append(kind: number, payload: Uint8Array, rest?: Uint8Array): void {
    this.#log.append(kind, payload, rest);
    this.#log.sync();
  }

  #replay(from: number): void {
    const total = this.#log.position - from;
    for (const frame of this.#log.read(from)) {
      if (!KINDS.has(frame.kind)) throw new TocsinError('corrupt', `input log frame of unknown kind ${frame.kind}`);
      try {
        applyFrame(this.#engine, this.#input, frame.kind, frame.payload);
      } catch (error) {
        // A refusal is repeated as it was, without a trace. Anything else is a bug that threw, and was answered as one, when
        // the input came; thrown here it would stop every start for ever.
        if (!(error instanceof TocsinError)) {
          this.#replayFaults++;
          this.#options.onWarning?.(
            `replay passed over the input at ${frame.position}, please report it: ${(error as Error).stack ?? String(error)}`,
          );
        }
      }
      if (total > 0) this.#options.onReplay?.((frame.position - from) / total);
    }
  }
}

/** SHA-256 over every array and all meta of a state, names sorted. */
export function hashState(parts: Readonly<Record<string, StateBlob>>): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(parts).sort()) {
    const { version, arrays, meta } = parts[name]!;
    hash.update(`${name}:${version}:${JSON.stringify(meta)}`);
    for (const key of Object.keys(arrays).sort()) {
      const array = arrays[key]!;
      hash.update(key).update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    }
  }
  return hash.digest('hex');
}
