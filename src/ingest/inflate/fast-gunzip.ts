import { INFLATE_WASM } from '../../stats/kernels/inflate-wasm.ts';

/** Gives memory of at least that many bytes, contents undefined; called at most once a body. */
export type Allocate = (bytes: number) => Uint8Array;

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  reserve(inputBytes: number, outputBytes: number): number;
  outputAt(inputBytes: number): number;
  inflate(inputBytes: number, outputBytes: number): number;
  used(): number;
}

/** Larger results go through node:zlib: WebAssembly memory never shrinks. */
const LARGEST = 8 << 20;
const TRAILER = 8;
const FLAG_HEADER_CRC = 2;
const FLAG_EXTRA = 4;
const FLAG_NAME = 8;
const FLAG_COMMENT = 16;
const FLAG_RESERVED = 0xe0;

/** Node's types lack the constructors of WebAssembly. */
const engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;
interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

let kernel: Kernel | undefined;

/** Compiled at first use: 3 KB, well under a millisecond, once a thread. */
function load(): Kernel {
  const module = new engine.Module(Buffer.from(INFLATE_WASM, 'base64'));
  return new engine.Instance(module, {}).exports as Kernel;
}

/**
 * Inflates a gzip body of one member through our kernel, in half of zlib's time if `allocate` recycles (fresh pages cost as
 * much as the inflation). Its length is checked, its
 * CRC is not: TCP and the protobuf structure guard it as well as they guard a body sent plain, and a CRC would cost
 * most of what is won.
 * @returns null for anything unusual (several members, damage, larger than `maxBytes` or 8 MiB): ask zlib, which says why.
 */
export function fastGunzip(body: Uint8Array, maxBytes: number, allocate: Allocate): Uint8Array | null {
  const start = headerLength(body);
  const length = body.length - TRAILER - start;
  if (start < 0 || length < 1) return null;
  const n = body.length;
  const size = (body[n - 4]! | (body[n - 3]! << 8) | (body[n - 2]! << 16) | (body[n - 1]! << 24)) >>> 0;
  if (size > LARGEST || size > maxBytes) return null;
  kernel ??= load();
  const input = kernel.reserve(length, size);
  if (input === 0) return null;
  const memory = new Uint8Array(kernel.memory.buffer);
  memory.set(body.subarray(start, n - TRAILER), input);
  if (kernel.inflate(length, size) !== size || kernel.used() !== length) return null;
  const from = kernel.outputAt(length);
  const output = allocate(size).subarray(0, size);
  output.set(memory.subarray(from, from + size));
  return output;
}

/** Length of a gzip member's header (RFC 1952), -1 if it is none. */
function headerLength(body: Uint8Array): number {
  if (body.length < 18 || body[0] !== 0x1f || body[1] !== 0x8b || body[2] !== 8) return -1;
  const flags = body[3]!;
  if ((flags & (FLAG_RESERVED | FLAG_HEADER_CRC)) !== 0) return -1;
  let at = 10;
  if ((flags & FLAG_EXTRA) !== 0) at += 2 + (body[at]! | (body[at + 1]! << 8));
  for (const flag of [FLAG_NAME, FLAG_COMMENT]) {
    if ((flags & flag) === 0) continue;
    const zero = body.indexOf(0, at);
    if (zero < 0) return -1;
    at = zero + 1;
  }
  return at;
}
