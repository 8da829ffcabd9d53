import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { TocsinError } from '../../domain/error.ts';
import { type Allocate, fastGunzip } from './fast-gunzip.ts';
import { decodeSnappy } from './snappy.ts';

/** Content codings that bodies may arrive in. `snappy` is the block format, as remote write uses it. */
export const CODINGS = ['identity', 'gzip', 'zstd', 'deflate', 'snappy'] as const;
export type Coding = (typeof CODINGS)[number];

const MIN_CHUNK = 4 << 10;
const MAX_CHUNK = 1 << 20;
/** zstd frames of telemetry expand about this much; a wrong guess costs one more chunk. */
const ZSTD_GUESS = 10;

/**
 * Inflates a body on the calling thread: the thread pool costs 1.4 to 2 times the CPU and several times the p99 latency
 * (`reference/hotpath.md` 8). Never writes more than `maxBytes`, whatever the input claims.
 * @param allocate where the result may go; may stay uncalled, and must not be called for memory still in use.
 * @returns the body itself for `identity`, else memory of `allocate` or fresh memory.
 * @throws TocsinError `payload_too_large` beyond `maxBytes`, `bad_payload` when the bytes are not of that coding.
 */
export function inflate(coding: Coding, body: Uint8Array, maxBytes: number, allocate: Allocate = fresh): Uint8Array {
  if (coding === 'identity') {
    if (body.length > maxBytes) throw tooLarge(maxBytes);
    return body;
  }
  if (coding === 'snappy') return decodeSnappy(body, maxBytes, allocate);
  if (coding === 'gzip') {
    const inflated = fastGunzip(body, maxBytes, allocate);
    if (inflated !== null) return inflated;
  }
  try {
    if (coding === 'gzip') return gunzipSync(body, { maxOutputLength: maxBytes, chunkSize: gzipChunk(body) });
    if (coding === 'zstd') {
      const chunkSize = clampChunk(body.length * ZSTD_GUESS);
      return zstdDecompressSync(body, { maxOutputLength: maxBytes, chunkSize });
    }
    return inflateSync(body, { maxOutputLength: maxBytes, chunkSize: clampChunk(body.length * ZSTD_GUESS) });
  } catch (cause) {
    if (codeOf(cause) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new TocsinError('bad_payload', `the body is not ${coding}: ${reasonOf(cause)}`, { cause });
  }
}

function fresh(bytes: number): Uint8Array {
  return Buffer.allocUnsafeSlow(bytes);
}

/**
 * One output chunk of the right size spares zlib's default of 16 KB pieces and their concatenation. A gzip member ends
 * with its size modulo 2^32: only a hint (members may be concatenated, the sender may lie), so it is clamped.
 */
function gzipChunk(body: Uint8Array): number {
  const n = body.length;
  if (n < 18) return MIN_CHUNK;
  const size = (body[n - 4]! | (body[n - 3]! << 8) | (body[n - 2]! << 16) | (body[n - 1]! << 24)) >>> 0;
  return clampChunk(size + 64);
}

function clampChunk(size: number): number {
  return Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, size));
}

function tooLarge(maxBytes: number): TocsinError {
  return new TocsinError('payload_too_large', `the body inflates to more than the ${maxBytes} bytes allowed`);
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'cannot be read';
}
