import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import asc from 'assemblyscript/asc';

/**
 * Compiles the kernels of src/stats/kernels, `<name>.as.ts`, each to `<name>-wasm.ts` with the binary in base64: run
 * `node scripts/build-kernels.ts` after a change and commit both. Tests hold the two together.
 */
const FOLDER = resolve(import.meta.dirname, '../src/stats/kernels');
const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', 'kernel.wasm'];
const KERNELS = ['points', 'tails', 'lstm', 'windows', 'numbers', 'fuse', 'arrival'];

/** @returns the text of the generated module. */
export async function compileKernel(name: string): Promise<string> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([`${name}.as.ts`, ...OPTIONS], {
    readFile: (file) => readFile(resolve(FOLDER, file), 'utf8').catch(() => null),
    writeFile: (_file, contents) => {
      if (typeof contents !== 'string') binary = contents;
    },
    listFiles: () => null,
  });
  if (error !== null || binary === undefined) throw new Error(`kernel ${name} does not compile:\n${stderr.toString()}`);
  return `/** Generated from ${name}.as.ts by scripts/build-kernels.ts: do not edit. */
export const ${name.toUpperCase()}_WASM =
  '${Buffer.from(binary).toString('base64')}';
`;
}

if (import.meta.main)
  for (const name of KERNELS) await writeFile(resolve(FOLDER, `${name}-wasm.ts`), await compileKernel(name));
