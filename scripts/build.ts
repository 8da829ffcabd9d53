import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { build as buildPage } from 'vite';

/** Makes `dist/`: one file per process and thread, the page, and nothing else. Does nothing when the sources are as before. */
const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
const started = performance.now();

function fingerprint(): string {
  const hash = createHash('sha256');
  const visit = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = join(path, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'test') visit(file);
      } else if (!entry.name.endsWith('.test.ts')) hash.update(file.slice(root.length)).update(readFileSync(file));
    }
  };
  for (const folder of ['src', 'ui', 'eval', 'bench']) visit(join(root, folder));
  for (const file of ['package.json', 'package-lock.json', 'scripts/build.ts'])
    hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

const marker = join(dist, '.built-from');
const want = fingerprint();
if (existsSync(marker) && readFileSync(marker, 'utf8') === want) process.exit(0);

console.error('tocsin: building ...');
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

await build({
  entryPoints: {
    cli: join(root, 'src/cli/main.ts'),
    'shard-worker': join(root, 'src/pipeline/shard/shard-worker.ts'),
    'backtest-worker': join(root, 'src/pipeline/backtest/backtest-worker.ts'),
    'train-worker': join(root, 'src/pipeline/training/train-worker.ts'),
    'demo-worker': join(root, 'src/cli/demo/demo-worker.ts'),
  },
  outdir: dist,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  packages: 'external',
  sourcemap: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  define: { TOCSIN_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
});
await buildPage({ root: join(root, 'ui'), configFile: join(root, 'ui/vite.config.ts'), logLevel: 'warn' });
for (const name of ['assets']) {
  const from = join(root, 'src', name);
  if (existsSync(from)) cpSync(from, join(dist, name), { recursive: true });
}
mkdirSync(dirname(marker), { recursive: true });
writeFileSync(marker, want);
console.error(`tocsin: built in ${((performance.now() - started) / 1000).toFixed(1)} s`);
