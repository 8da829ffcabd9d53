import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** `tocsin bench`: every file of bench/ but this and shared parts is a bench of its own process, so none warms up another. */
const NOT_A_BENCH = new Set(['main.ts', 'payload.ts', 'measure.ts']);

export async function runBench(names: readonly string[]): Promise<number> {
  const folder = [import.meta.dirname, join(dirname(import.meta.dirname), 'bench')].find((candidate) =>
    existsSync(join(candidate, 'decode.ts')),
  );
  if (folder === undefined) {
    process.stderr.write('tocsin bench: run it from a checkout of the sources\n');
    return 1;
  }
  const all = readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !NOT_A_BENCH.has(file))
    .map((file) => file.slice(0, -3));
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`tocsin bench: unknown ${unknown.join(', ')}; there are ${all.join(', ')}\n`);
    return 2;
  }
  for (const name of names.length > 0 ? names : all) {
    process.stdout.write(`\n## ${name}\n\n`);
    const done = spawnSync(process.execPath, ['--expose-gc', join(folder, `${name}.ts`)], { stdio: 'inherit' });
    if (done.status !== 0) return 1;
  }
  return 0;
}
