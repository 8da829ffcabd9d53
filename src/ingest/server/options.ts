import type { SignalIntake } from '../../domain/ports.ts';

/** Content codings of bodies; `snappy` (block format) for remote write only. */
export type Coding = 'identity' | 'gzip' | 'zstd' | 'deflate' | 'snappy';

/**
 * Inflates on the calling thread, never past `maxBytes`, into memory of `allocate` where it can.
 * @throws TocsinError `payload_too_large`, `bad_payload`.
 */
export type Inflate = (
  coding: Coding,
  body: Uint8Array,
  maxBytes: number,
  allocate: (bytes: number) => Uint8Array,
) => Uint8Array;

export interface ListenAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

export interface IngestLimits {
  /** Largest body as it arrives, bytes. */
  readonly maxBodyBytes: number;
  /** Largest body after inflation, bytes. */
  readonly maxInflatedBytes: number;
  /** Bytes of all bodies being read or processed; exceeded by at most one inflated body. */
  readonly maxInFlightBytes: number;
  /** Requests being read or processed. */
  readonly maxConcurrent: number;
  /** Connections per listener. */
  readonly maxConnections: number;
}

export interface IngestTimeouts {
  /** From connection (or the end of the previous request) to complete headers, ms. */
  readonly headersMs: number;
  /** From the first byte of a request to its last, ms. */
  readonly requestMs: number;
  /** An idle connection is closed after this, ms. */
  readonly idleMs: number;
  /** How often the two first are checked, ms. */
  readonly checkMs: number;
  /** `stop()` waits this long for requests in flight, ms. */
  readonly drainMs: number;
}

export interface BearerToken {
  readonly token: string;
  /** Tenant of everything sent with this token; without it the tenant header (or the default) decides. */
  readonly tenant?: string;
}

export interface IngestServerOptions {
  readonly intake: SignalIntake;
  readonly inflate: Inflate;
  /** OTLP/HTTP and remote write; null: off. */
  readonly http: ListenAddress | null;
  /** OTLP/gRPC (h2c); null: off. */
  readonly grpc: ListenAddress | null;
  readonly limits?: Partial<IngestLimits>;
  readonly timeouts?: Partial<IngestTimeouts>;
  /** Header that names the tenant, lower case, e.g. `x-scope-orgid`. Unset: one tenant. */
  readonly tenantHeader?: string;
  /** Unset or empty: no authentication. */
  readonly bearerTokens?: readonly BearerToken[];
  /** Several threads listen on the same port; the kernel spreads connections. */
  readonly reusePort?: boolean;
  /** Origins that browsers may send OTLP/HTTP from (`*` for any). Unset: no CORS headers at all. */
  readonly corsOrigins?: readonly string[];
  /** How long refused senders should wait, ms: the pipeline's lag. */
  readonly retryAfterMs?: () => number;
  /** Told of faults of ours (anything thrown that is no TocsinError, and `internal`): senders see only that there was one. */
  readonly onFault?: (fault: unknown) => void;
}

export const DEFAULT_LIMITS: IngestLimits = {
  maxBodyBytes: 16 << 20,
  maxInflatedBytes: 64 << 20,
  maxInFlightBytes: 256 << 20,
  maxConcurrent: 1024,
  maxConnections: 10_000,
};

export const DEFAULT_TIMEOUTS: IngestTimeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 75_000,
  checkMs: 2_000,
  drainMs: 10_000,
};

export const DEFAULT_RETRY_MS = 1_000;
