import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ByteReader } from '../bus/codec/bytes.ts';
import type { StateBlob } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';
import type { TickReport } from '../domain/history.ts';
import type { Clock, IntakeResult, PayloadFormat, Signal, SignalIntake } from '../domain/ports.ts';
import { FileInputLog } from '../store/input-log/input-log.ts';
import { FileSnapshotStore } from '../store/snapshot/file-snapshot-store.ts';
import { MetricInput } from './engine/metric-input.ts';
import { ShardEngine, type ShardStats } from './engine/shard-engine.ts';
import { type BodyFrame, bodyHeader, decodeBody, decodeTime, encodeTime, FRAME } from './log-kinds.ts';
import type { Settings } from './settings.ts';

/** Reports sent but not yet durable with the correlator; beyond it new requests are refused with a retry signal. */
const MAX_UNACKNOWLEDGED = 512;
const BUSY_RETRY_MS = 1_000;

export interface DurableShardOptions {
  readonly shard: number;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly emit: (report: TickReport) => void;
  /** Progress of the replay at start, 0-1. */
  readonly onReplay?: (share: number) => void;
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
    this.#snapshots = new FileSnapshotStore(join(settings.data_dir, 'snapshots'));
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
    const { result, plain } = this.#engine.read(format, body, tenant, wallNow, input);
    // Numbering its series has changed the state already.
    this.#ahead = true;
    if (plain) this.#append(FRAME.columns, input.encode(wallNow));
    else this.#append(FRAME.body, bodyHeader({ signal: 'metrics', format, tenant, wallNow }), body);
    this.#ahead = false;
    this.#engine.apply(input, wallNow);
    return result;
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
    if (due && this.#log.position > this.#snapshotPosition) this.snapshot();
  }

  /** The correlator made every report below `sequence` durable. */
  acknowledge(sequence: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, sequence);
  }

  /**
   * Saves state and forgets the log before it. Only when all reports are acknowledged: a report that the correlator has
   * not made durable must still follow from the log. Returns whether it was saved.
   */
  snapshot(): boolean {
    if (this.#acknowledged < this.#engine.sequence) return false;
    this.#log.sync();
    this.#log.rotate();
    const position = this.#log.position;
    const at = this.#options.clock.now();
    this.#snapshots.writeSync(this.#options.shard, { at, position, parts: this.#engine.save() });
    // The snapshot before this one stays usable as a fallback: its log is kept too.
    this.#log.truncate(this.#snapshotPosition);
    this.#snapshotPosition = position;
    this.#snapshotAt = at;
    this.#ahead = false;
    return true;
  }

  /** True when the correlator has made every report durable. */
  get settled(): boolean {
    return this.#acknowledged >= this.#engine.sequence;
  }

  stats(): ShardStats & { readonly logPosition: number } {
    return { ...this.#engine.stats(), logPosition: this.#log.position };
  }

  /** Fingerprints of the parts of the state, to tell which one differs. */
  partHashes(): Record<string, string> {
    return Object.fromEntries(Object.entries(this.#engine.save()).map(([name, part]) => [name, hashState({ [name]: part })]));
  }

  /** Fingerprint of the whole state, for tests of crash safety. */
  stateHash(): string {
    return hashState(this.#engine.save());
  }

  /** Refuses new requests; what was acknowledged is durable already. */
  close(): void {
    this.#open = false;
    this.snapshot();
    this.#log.close();
  }

  #append(kind: number, payload: Uint8Array, rest?: Uint8Array): void {
    this.#log.append(kind, payload, rest);
    this.#log.sync();
  }

  #replay(from: number): void {
    const total = this.#log.position - from;
    for (const frame of this.#log.read(from)) {
      switch (frame.kind) {
        case FRAME.body:
          this.#replayBody(decodeBody(frame.payload));
          break;
        case FRAME.columns: {
          const from = new ByteReader(frame.payload);
          const wallNow = from.f64();
          this.#input.decode(from);
          this.#engine.applyColumns(this.#input, wallNow);
          break;
        }
        case FRAME.time:
          this.#engine.passTime(decodeTime(frame.payload));
          break;
        case FRAME.resume:
          this.#engine.resume(decodeTime(frame.payload));
          break;
        default:
          throw new TocsinError('corrupt', `input log frame of unknown kind ${frame.kind}`);
      }
      if (total > 0) this.#options.onReplay?.((frame.position - from) / total);
    }
  }

  #replayBody({ signal, format, body, tenant, wallNow }: BodyFrame): void {
    try {
      if (signal === 'metrics') {
        this.#engine.read(format, body, tenant, wallNow, this.#input);
        this.#engine.apply(this.#input, wallNow);
      } else this.#engine.accept(signal, format, body, tenant, wallNow);
    } catch (error) {
      // It was refused then as it is now, and left no trace.
      if (!(error instanceof TocsinError)) throw error;
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
