import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import asc from 'assemblyscript/asc';

/**
 * Compiles src/stats/kernels/inflate.as.ts and writes it, base64 in a module, to src/stats/kernels/inflate-wasm.ts: run
 * `node scripts/build-inflate-kernel.ts` after a change of the kernel and commit both. A test holds the two together.
 */
const FOLDER = resolve(import.meta.dirname, '../src/stats/kernels');
const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', 'inflate.wasm'];

/** @returns the text of the generated module. */
export async function compileInflateKernel(): Promise<string> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(['inflate.as.ts', ...OPTIONS], {
    readFile: (name) => readFile(resolve(FOLDER, name), 'utf8').catch(() => null),
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') binary = contents;
    },
    listFiles: () => null,
  });
  if (error !== null || binary === undefined) throw new Error(`the kernel does not compile:\n${stderr.toString()}`);
  const base64 = Buffer.from(binary).toString('base64');
  return `/** Generated from inflate.as.ts by scripts/build-inflate-kernel.ts: do not edit. */
export const INFLATE_WASM =
  '${base64}';
`;
}

if (import.meta.main) await writeFile(resolve(FOLDER, 'inflate-wasm.ts'), await compileInflateKernel());
