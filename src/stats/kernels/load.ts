import { bytesOfBase64 } from '../base64.ts';

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
    module = new engine.Module(bytesOfBase64(base64));
    compiled.set(base64, module);
  }
  return new engine.Instance(module, {}).exports as T;
}
