import type { Signal } from '../../domain/ports.ts';

export type IngestProtocol = 'http' | 'grpc' | 'remote-write';

export interface RequestCount {
  readonly protocol: IngestProtocol;
  /** `none` where the request named no known signal. */
  readonly signal: Signal | 'none';
  /** HTTP status, or gRPC status code for `grpc`. */
  readonly code: number;
  count: number;
  /** Sum of the times from headers to answer. */
  seconds: number;
}

/** What the servers of one shard did so far. Plain data: it may be posted to another thread as it is. */
export interface IngestCounters {
  readonly requests: RequestCount[];
  /** Bytes of bodies as they arrived. */
  bytesIn: number;
  /** Bytes handed to the pipeline, after inflation. */
  inflatedBytes: number;
  inFlight: number;
  inFlightBytes: number;
  connections: number;
  /** Senders that went away before they were answered. */
  aborted: number;
}

export function createCounters(): IngestCounters {
  return { requests: [], bytesIn: 0, inflatedBytes: 0, inFlight: 0, inFlightBytes: 0, connections: 0, aborted: 0 };
}

/** Counts one answered request. There are a few dozen rows at most, the common ones first: a scan is the fastest map. */
export function countRequest(
  counters: IngestCounters,
  protocol: IngestProtocol,
  signal: Signal | 'none',
  code: number,
  seconds: number,
): void {
  for (const row of counters.requests) {
    if (row.code === code && row.signal === signal && row.protocol === protocol) {
      row.count++;
      row.seconds += seconds;
      return;
    }
  }
  counters.requests.push({ protocol, signal, code, count: 1, seconds });
}
