import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../domain/error.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import type { IngestCounters } from '../../ingest/server/counters.ts';
import type { ListenAddress } from '../../ingest/server/options.ts';
import type { Settings } from '../settings.ts';
import type { DurableStats } from './durable-shard.ts';

/** Given to a shard thread at its start. */
export interface ShardWorkerData {
  readonly shard: number;
  readonly shards: number;
  readonly settings: Settings;
  /** A port to each other shard. */
  readonly peers: ReadonlyMap<number, MessagePort>;
}

export type ToShard =
  | { readonly type: 'acknowledge'; readonly sequence: number }
  /** Stop listening and finish what is in flight: all shards, before any of them stops, since they hand data over. */
  | { readonly type: 'drain' }
  | { readonly type: 'stop' }
  | { readonly type: 'hash'; readonly id: number };

export type FromShard =
  | { readonly type: 'ready'; readonly http: ListenAddress | null; readonly grpc: ListenAddress | null }
  | { readonly type: 'replay'; readonly share: number }
  | { readonly type: 'report'; readonly report: TickReport }
  | {
      readonly type: 'stats';
      readonly stats: DurableStats;
      readonly ingest: IngestCounters;
    }
  | { readonly type: 'hash'; readonly id: number; readonly hash: string }
  | { readonly type: 'drained' }
  | { readonly type: 'stopped' }
  /** Something that passes, such as a full disk: senders are told to retry. */
  | { readonly type: 'warning'; readonly message: string }
  /** `code` for a fault with a plain message, null for a bug: then `message` is the stack. */
  | { readonly type: 'failed'; readonly code: ErrorCode | null; readonly message: string };
