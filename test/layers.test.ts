import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** DESIGN section 3 as a literal: who may import whom. Kernel folders are pure: no `node:`, no npm, no clock, no chance. */
const LAYERS: Record<string, { readonly may: readonly string[]; readonly pure: boolean }> = {
  domain: { may: [], pure: true },
  stats: { may: ['domain'], pure: true },
  features: { may: ['domain', 'stats'], pure: true },
  detect: { may: ['domain', 'stats'], pure: true },
  fuse: { may: ['domain', 'stats'], pure: true },
  learn: { may: ['domain', 'stats'], pure: true },
  alert: { may: ['domain', 'stats'], pure: true },
  notify: { may: ['domain', 'stats'], pure: false },
  ingest: { may: ['domain', 'stats'], pure: false },
  bus: { may: ['domain', 'stats'], pure: false },
  store: { may: ['domain', 'stats'], pure: false },
  serve: { may: ['domain', 'stats'], pure: false },
  observe: { may: ['domain', 'stats'], pure: false },
  config: { may: ['domain', 'stats'], pure: false },
  pipeline: { may: ['*'], pure: false },
  cli: { may: ['*'], pure: false },
};

/** Folders shared by the components of their stage. */
const SHARED = new Set(['ingest/wire', 'ingest/series', 'serve/testing', 'serve/schemas']);
/** Stages whose subfolders are parts of one thing rather than sibling components. */
const ONE_THING = new Set(['domain', 'stats', 'serve', 'pipeline', 'cli', 'config', 'observe']);

const BANNED: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\(|\bnew Date\(\)/, 'take a Clock (domain/ports.ts)'],
  [/\bMath\.random\(/, 'take stats/rng.ts with a seed'],
  [/\bsetTimeout\(|\bsetInterval\(/, 'time is event time, handed in'],
];

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/\.(test|bench|as)\.ts$/.test(file) && !file.includes('/assembly/'))
  .map((file) => file.replaceAll('\\', '/'));
const shipped = sources.filter((file) => !file.endsWith('/contract.ts') && !file.includes('/testing/'));

const stageOf = (file: string): string => (file.startsWith('alert/notify/') ? 'notify' : file.split('/')[0]!);

function componentOf(file: string): string | null {
  const parts = file.split('/');
  if (parts[0] === 'alert' && parts[1] === 'notify') return parts.length > 3 ? `alert/notify/${parts[2]}` : null;
  if (ONE_THING.has(parts[0]!) || parts.length < 3) return null;
  const folder = `${parts[0]}/${parts[1]}`;
  return SHARED.has(folder) ? null : folder;
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g,
    ),
  ].map((m) => (m[1] ?? m[2] ?? m[3])!);
}

function faultsOf(file: string): string[] {
  const stage = stageOf(file);
  const layer = LAYERS[stage];
  if (layer === undefined) return [`${file}: folder ${stage} is not in the layer table`];
  const own = componentOf(file);
  const faults: string[] = [];
  for (const specifier of importsOf(file)) {
    if (!specifier.startsWith('.')) {
      if (layer.pure) faults.push(`${file}: the kernel is pure, it may not import '${specifier}'`);
      continue;
    }
    const target = relative(SRC, resolve(SRC, dirname(file), specifier)).replaceAll('\\', '/');
    if (target.startsWith('..')) continue;
    const targetStage = stageOf(target);
    if (targetStage !== stage && !layer.may.includes('*') && !layer.may.includes(targetStage))
      faults.push(`${file}: ${stage} may not import ${target}`);
    if (targetStage === stage && own !== null) {
      const other = componentOf(target);
      if (other !== null && other !== own) faults.push(`${file}: ${own} may not import its sibling ${target}`);
    }
  }
  if (layer.pure) {
    const code = readFileSync(join(SRC, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
    for (const [pattern, remedy] of BANNED)
      if (pattern.test(code)) faults.push(`${file}: ${pattern.source} is banned in the kernel: ${remedy}`);
  }
  return faults;
}

test('every import follows the layer table', () => {
  expect(shipped.length).toBeGreaterThan(10);
  expect(shipped.flatMap(faultsOf)).toEqual([]);
});

test('files stay under 400 lines and folders under 13 source files', () => {
  const long = sources.filter((file) => readFileSync(join(SRC, file), 'utf8').split('\n').length > 400);
  const folders = new Map<string, number>();
  for (const file of sources) folders.set(dirname(file), (folders.get(dirname(file)) ?? 0) + 1);
  expect({ long, full: [...folders].filter(([, n]) => n > 12) }).toEqual({ long: [], full: [] });
});

test('names are kebab-case and exports are named', () => {
  const faults = sources.filter(
    (file) =>
      file.split('/').some((part) => !/^[a-z0-9.-]+$/.test(part)) ||
      /\nexport default /.test(readFileSync(join(SRC, file), 'utf8')),
  );
  expect(faults).toEqual([]);
});

test('every detector and notifier folder has a README and a test', () => {
  const components = new Set(
    sources.map(componentOf).filter((c): c is string => c !== null && /^(detect|features)\//.test(c)),
  );
  const missing = [...components].flatMap((component) => {
    const files = readdirSync(join(SRC, component));
    return [
      files.includes('README.md') ? [] : [`${component}/README.md`],
      files.some((f) => f.endsWith('.test.ts')) ? [] : [`${component}/*.test.ts`],
    ].flat();
  });
  expect(missing).toEqual([]);
});
