import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { BARS, type Figure, renderResults } from './results.ts';

/** `tocsin bench`: every file of bench/ but this and shared parts is a bench of its own process, so none warms up another. */
const NOT_A_BENCH = new Set(['main.ts', 'payload.ts', 'measure.ts', 'load.ts', 'server-child.ts', 'results.ts']);

/** Runs the benches named, or all; writes the figures of bars into `bench/results.json` and the table into `bench/results.md`. */
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
  const kept = join(folder, 'results.json');
  const figures: Record<string, Figure> = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : {};
  for (const name of names.length > 0 ? names : all) {
    process.stdout.write(`\n## ${name}\n\n`);
    const load = loadavg()[0]!;
    const measured = await run(join(folder, `${name}.ts`));
    if (measured === null) return 1;
    for (const { bar, value, note } of measured) {
      if (!(bar in BARS)) throw new Error(`bench ${name} reports an unknown bar ${bar}`);
      figures[bar] = { value, note, at: new Date().toISOString().slice(0, 16), load };
    }
  }
  writeFileSync(kept, `${JSON.stringify(figures, null, 2)}\n`);
  const machine = `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown processor'}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, Node ${process.versions.node}, ${process.platform}`;
  writeFileSync(join(folder, 'results.md'), renderResults(figures, machine));
  return 0;
}

interface Measured {
  readonly bar: string;
  readonly value: number;
  readonly note: string;
}

/** Runs one bench, passing its lines on and keeping those that report a bar; null if it failed. */
async function run(file: string): Promise<readonly Measured[] | null> {
  // Large pages, as every way in deploy/ and `npm start` have them.
  const env = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1', ...process.env };
  const child = spawn(process.execPath, ['--expose-gc', file], { stdio: ['ignore', 'pipe', 'inherit'], env });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const measured: Measured[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('BAR ')) measured.push(JSON.parse(line.slice(4)));
    else process.stdout.write(`${line}\n`);
  }
  return (await ended) === 0 ? measured : null;
}

if (import.meta.main) process.exit(await runBench(process.argv.slice(2)));
