/** WebAssembly for the kernel, which has neither Node's types nor the browser's: the one global that it takes. */
interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB, detaching every view of `buffer`; gives the number of pages before. */
  grow(pages: number): number;
}

const compiled = new Map<string, object>();

/** A new instance, with memory of its own, of a kernel in base64. Compiled once. */
export function loadKernel<T>(base64: string): T {
  const { WebAssembly: engine } = globalThis as unknown as { readonly WebAssembly: Engine };
  let module = compiled.get(base64);
  if (module === undefined) {
    module = new engine.Module(bytesOf(base64));
    compiled.set(base64, module);
  }
  return new engine.Instance(module, {}).exports as T;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function bytesOf(base64: string): Uint8Array {
  const text = base64.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const digit of text) {
    bits = ((bits << 6) | DIGITS.indexOf(digit)) & 0xffffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[at++] = (bits >> held) & 255;
  }
  return bytes;
}
