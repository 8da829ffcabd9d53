import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { compileRoutes, matchRoutes } from '../../alert/route/route.ts';
import { parseConfig } from '../../config/load.ts';
import { createRng } from '../../stats/rng.ts';
import { settingsSchema } from '../settings.ts';

/** Debian's amtool says where Alertmanager would send; ours must say the same, on random trees. */
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tocsin-routes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NAMES = ['a', 'b', 'c', 'd'];
const VALUES = ['x', 'y', 'xy', '', 'a.b', 'x|y'];
const RECEIVERS = ['r0', 'r1', 'r2', 'r3', 'r4'];
const TREES = 25;
const LABEL_SETS = 6;

test('random trees and label sets reach the same receivers', () => {
  const rng = createRng(20_261_122);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(rng.next() * from.length)]!;
  const matcher = (): string => {
    const operator = pick(['=', '!=', '=~', '!~']);
    const value = operator.endsWith('~') ? pick(['x|y', 'x.*', '.+', '', 'a\\\\.b', '[xy]+']) : pick(VALUES);
    return `${pick(NAMES)}${operator}"${value}"`;
  };
  const node = (depth: number): object => ({
    ...(rng.next() < 0.8 ? { receiver: pick(RECEIVERS) } : {}),
    ...(rng.next() < 0.2 ? { match: { [pick(NAMES)]: pick(['x', 'y']) } } : {}),
    ...(rng.next() < 0.2 ? { match_re: { [pick(NAMES)]: 'x.*' } } : {}),
    matchers: Array.from({ length: Math.floor(rng.next() * 3) }, matcher),
    ...(rng.next() < 0.4 ? { continue: true } : {}),
    ...(depth > 0 ? { routes: Array.from({ length: Math.floor(rng.next() * 4) }, () => node(depth - 1)) } : {}),
  });
  for (let i = 0; i < TREES; i += 1) {
    const route = { receiver: 'r0', routes: Array.from({ length: 4 }, () => node(2)) };
    const file = join(folder, `tree-${i}.yml`);
    writeFileSync(file, stringify({ route, receivers: RECEIVERS.map((name) => ({ name })) }));
    const ours = parseConfig(
      stringify({ route, receivers: RECEIVERS.map((name) => ({ name })) }),
      settingsSchema,
      {},
    ).config;
    const tree = compileRoutes(ours.route, RECEIVERS);
    for (let k = 0; k < LABEL_SETS; k += 1) {
      const labels = Object.fromEntries(
        NAMES.filter(() => rng.next() < 0.7).map((name) => [name, pick(['x', 'y', 'xy', 'a.b', 'z'])]),
      );
      const args = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
      const theirs = execFileSync('amtool', ['config', 'routes', 'test', `--config.file=${file}`, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const reached = matchRoutes(tree, labels).flatMap((r) => r.receivers);
      expect(reached.join(','), `${file} ${args.join(' ')}`).toBe(theirs.trim());
    }
  }
});
