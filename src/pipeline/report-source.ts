import type { ListenAddress } from '../ingest/server/options.ts';
import type { ShardFigures } from './shard/shard-threads.ts';

/** Where the correlator's reports come from: shard threads of this process, or detectors on the bus. */
export interface ReportSource {
  /** Figures of each shard, as last heard. */
  readonly figures: ReadonlyMap<number, ShardFigures>;
  /** Our own ingest listeners; null when gateways have them. */
  readonly http: ListenAddress | null;
  readonly grpc: ListenAddress | null;
  start(): Promise<void>;
  /** The effects of every report of the shard below `sequence` are durable. */
  acknowledge(shard: number, sequence: number): void;
  /** Drains and ends; the last reports arrive before this resolves. */
  stop(): Promise<void>;
  /** Ends as it is. */
  abandon(): Promise<void>;
}
