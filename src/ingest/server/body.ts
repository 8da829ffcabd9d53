const EMPTY = Buffer.alloc(0);
const SMALLEST_CLASS = 16;
const LARGEST_CLASS = 24;
/** Buffers kept per size class; together at most 64 MiB a shard. */
const KEPT = 2;

/** Recycles body buffers by power of two: a fresh 256 KB buffer per request costs page faults worth a third of a decode. */
export class BufferPool {
  readonly #free: Buffer[][] = Array.from({ length: LARGEST_CLASS + 1 }, () => []);

  /** A buffer of at least `bytes`, contents undefined. */
  take(bytes: number): Buffer {
    const size = sizeClass(bytes);
    if (size > LARGEST_CLASS) return Buffer.allocUnsafeSlow(bytes);
    return this.#free[size]!.pop() ?? Buffer.allocUnsafeSlow(2 ** size);
  }

  give(buffer: Buffer): void {
    const size = sizeClass(buffer.length);
    if (size > LARGEST_CLASS || 2 ** size !== buffer.length) return;
    const free = this.#free[size]!;
    if (free.length < KEPT) free.push(buffer);
  }
}

function sizeClass(bytes: number): number {
  return Math.max(SMALLEST_CLASS, 32 - Math.clz32(Math.max(0, bytes - 1)));
}

/** A body as it arrives: each chunk is copied once, into a buffer that doubles when the sender did not say how much comes. */
export class Body {
  length = 0;
  readonly #pool: BufferPool;
  #buffer: Buffer;

  constructor(pool: BufferPool, expected: number) {
    this.#pool = pool;
    this.#buffer = pool.take(expected);
  }

  append(chunk: Uint8Array): void {
    const end = this.length + chunk.length;
    if (end > this.#buffer.length) {
      const larger = this.#pool.take(Math.max(end, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.length));
      this.#pool.give(this.#buffer);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.length);
    this.length = end;
  }

  /** The bytes so far; valid until `recycle`. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  /** Hands the memory back for other memory, whose contents the holder knows: the inflated form. */
  replace(buffer: Buffer): void {
    this.#pool.give(this.#buffer);
    this.#buffer = buffer;
  }

  /** Hands the memory back; the body must not be used afterwards. */
  recycle(): void {
    this.#pool.give(this.#buffer);
    this.#buffer = EMPTY;
    this.length = 0;
  }
}
