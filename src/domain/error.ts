/**
 * The one error type. Codes are a closed list; whether a sender should retry is a property of the code, and only the edge
 * maps codes to HTTP and gRPC statuses. `docs/errors.md` is this table, tested both ways.
 */
export const ERRORS = {
  bad_payload: { retryable: false, http: 400, grpc: 3, meaning: 'the body is not what its content type says' },
  unsupported_media_type: { retryable: false, http: 415, grpc: 3, meaning: 'unknown content type or content encoding' },
  payload_too_large: {
    retryable: false,
    http: 413,
    grpc: 8,
    meaning: 'the body exceeds the size limit, before or after inflation',
  },
  overloaded: { retryable: true, http: 429, grpc: 14, meaning: 'the pipeline is full; retry after the given delay' },
  unavailable: {
    retryable: true,
    http: 503,
    grpc: 14,
    meaning: 'starting, stopping or unable to write durably; retry',
  },
  unauthenticated: { retryable: false, http: 401, grpc: 16, meaning: 'missing or wrong credentials' },
  not_found: { retryable: false, http: 404, grpc: 5, meaning: 'no such thing' },
  method_not_allowed: { retryable: false, http: 405, grpc: 12, meaning: 'this path does not take this method' },
  invalid_request: {
    retryable: false,
    http: 400,
    grpc: 3,
    meaning: 'the request is well-formed but asks for something impossible',
  },
  conflict: { retryable: false, http: 409, grpc: 10, meaning: 'the thing changed since it was read' },
  invalid_config: { retryable: false, http: 400, grpc: 3, meaning: 'the configuration has faults; all are listed' },
  state_version: {
    retryable: false,
    http: 500,
    grpc: 13,
    meaning: 'a snapshot was written by a version that cannot be read',
  },
  corrupt: { retryable: false, http: 500, grpc: 15, meaning: 'stored bytes fail their checksum' },
  delivery_failed: {
    retryable: true,
    http: 502,
    grpc: 14,
    meaning: 'a receiver did not take a notification; it will be retried',
  },
  delivery_refused: { retryable: false, http: 502, grpc: 13, meaning: 'a receiver refused a notification for good' },
  internal: { retryable: false, http: 500, grpc: 13, meaning: 'a fault of Tocsin; please report it' },
} as const satisfies Record<string, { retryable: boolean; http: number; grpc: number; meaning: string }>;

export type ErrorCode = keyof typeof ERRORS;

export class TocsinError extends Error {
  readonly code: ErrorCode;
  /** For retryable errors: how long the sender should wait, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TocsinError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}
