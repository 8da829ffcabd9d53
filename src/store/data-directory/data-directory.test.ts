import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openDataDirectory } from './data-directory.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-data-'));
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The same call in another process; what it prints. */
const elsewhere = (path: string): string =>
  execFileSync(
    process.execPath,
    [
      '--no-warnings',
      '--input-type=module',
      '-e',
      `import(${JSON.stringify(join(import.meta.dirname, 'data-directory.ts'))}).then((m) => { try { m.openDataDirectory(${JSON.stringify(path)}); console.log('taken'); } catch (e) { console.log(e.code + ': ' + e.message); } process.kill(process.pid, 'SIGKILL'); })`,
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );

const attempt = (path: string): string => {
  try {
    return elsewhere(path);
  } catch (error) {
    return String((error as { stdout: string }).stdout);
  }
};

describe('data directory', () => {
  it('belongs to one process, which may be killed without leaving anything stale', () => {
    const path = join(scratch, 'a', 'b');
    const own = openDataDirectory(path);
    expect(attempt(path)).toContain(
      `conflict: data_dir ${path} is in use by another Tocsin (process ${process.pid} on `,
    );
    own.release();
    expect(attempt(path)).toContain('taken');
    expect(attempt(path)).toContain('taken');
    openDataDirectory(path).release();
  });

  it('remembers for how many shards it was made', () => {
    const first = openDataDirectory(scratch);
    expect(first.shards(2, true)).toBe(2);
    first.release();
    const again = openDataDirectory(scratch);
    expect(again.shards(7, true)).toBe(2);
    expect(again.shards(2, false)).toBe(2);
    expect(() => again.shards(3, false)).toThrow(/holds 2 shards, ingest.shards says 3/);
    again.release();
  });

  it('says what cannot be written', () => {
    writeFileSync(join(scratch, 'file'), '');
    expect(() => openDataDirectory(join(scratch, 'file', 'data'))).toThrow(
      /data_dir .* cannot be written: (ENOTDIR|EEXIST)/,
    );
  });
});
