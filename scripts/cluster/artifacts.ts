import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The engines, from package registries only: Maven (poms in deploy/cluster), PyPI for Flink's distribution. What arrives is
 * compared with deploy/cluster/checksums.txt, file by file, before anything of it runs.
 */
export const DEPLOY = join(import.meta.dirname, '..', '..', 'deploy', 'cluster');
const CHECKSUMS = join(DEPLOY, 'checksums.txt');
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tocsin-cluster');

export type Engine = 'kafka' | 'registry' | 'flink';

/** Folder of an engine's files, downloaded and checked when it is not there yet. */
export function resolve(engine: Engine): string {
  const folder = join(CACHE, `${engine}-${fingerprint(engine)}`);
  if (existsSync(join(folder, 'ready'))) return folder;
  rmSync(folder, { recursive: true, force: true });
  const temporary = `${folder}.${process.pid}`;
  rmSync(temporary, { recursive: true, force: true });
  download(engine, temporary);
  verify(engine, temporary);
  unpack(engine, temporary);
  writeFileSync(join(temporary, 'ready'), '');
  renameSync(temporary, folder);
  return folder;
}

/** Downloads everything anew and writes the checksums of what came: for a change of versions, to be reviewed. */
export function lock(): void {
  const lines: string[] = [];
  for (const engine of ['kafka', 'registry', 'flink'] as const) {
    const folder = join(CACHE, `lock-${process.pid}`, engine);
    download(engine, folder);
    for (const [name, sum] of sums(folder)) lines.push(`${sum}  ${engine}/${name}`);
  }
  rmSync(join(CACHE, `lock-${process.pid}`), { recursive: true, force: true });
  writeFileSync(CHECKSUMS, `${lines.join('\n')}\n`);
}

function download(engine: Engine, folder: string): void {
  mkdirSync(join(folder, 'libs'), { recursive: true });
  const pom = join(DEPLOY, `${engine}.xml`);
  run('mvn', [
    '-q',
    '-B',
    '-f',
    pom,
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${join(folder, 'libs')}`,
  ]);
  if (engine !== 'flink') return;
  // The wheels carry Flink's whole distribution; its Python dependencies are not needed.
  run('python3', [
    '-m',
    'pip',
    'download',
    '-q',
    '--no-deps',
    '--only-binary',
    ':all:',
    '-r',
    join(DEPLOY, 'flink.txt'),
    '-d',
    join(folder, 'wheels'),
  ]);
}

function verify(engine: Engine, folder: string): void {
  const known = new Map(
    readFileSync(CHECKSUMS, 'utf8')
      .trim()
      .split('\n')
      .map((line) => [line.slice(66), line.slice(0, 64)] as const),
  );
  for (const [name, sum] of sums(folder)) {
    const wanted = known.get(`${engine}/${name}`);
    // The wheel with the scripts is built for one version of Python; its scripts are the same in all of them.
    if (wanted === undefined && name.startsWith('wheels/apache_flink-')) continue;
    if (wanted !== sum) throw new Error(`${engine}/${name}: checksum ${sum}, expected ${wanted ?? 'no such file'}`);
  }
}

function unpack(engine: Engine, folder: string): void {
  if (engine === 'registry') {
    const [archive] = readdirSync(join(folder, 'libs'));
    run('tar', ['xzf', join(folder, 'libs', archive!), '-C', folder]);
    rmSync(join(folder, 'libs'), { recursive: true });
  }
  if (engine === 'flink') {
    for (const wheel of readdirSync(join(folder, 'wheels')))
      run('python3', ['-m', 'zipfile', '-e', join(folder, 'wheels', wheel), join(folder, 'dist')]);
    rmSync(join(folder, 'wheels'), { recursive: true });
    const home = join(folder, 'dist', 'pyflink');
    for (const jar of readdirSync(join(folder, 'libs')))
      renameSync(join(folder, 'libs', jar), join(home, jar.includes('gateway') ? 'opt' : 'lib', jar));
    rmSync(join(folder, 'libs'), { recursive: true });
  }
}

function sums(folder: string): [name: string, sum: string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): [string, string] => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), createHash('sha256').update(readFileSync(path)).digest('hex')];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A change of versions makes a new folder: nothing is ever mixed. */
function fingerprint(engine: Engine): string {
  const hash = createHash('sha256').update(readFileSync(join(DEPLOY, `${engine}.xml`)));
  if (engine === 'flink') hash.update(readFileSync(join(DEPLOY, 'flink.txt')));
  return hash.digest('hex').slice(0, 12);
}

function run(command: string, parameters: readonly string[]): void {
  execFileSync(command, parameters, { stdio: ['ignore', 'inherit', 'inherit'] });
}
