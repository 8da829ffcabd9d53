import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { runEval } from './main.ts';
import { writeSection } from './report.ts';

describe('tocsin eval', () => {
  it.each([
    [['metrics', '--data', '/no/such/folder']],
    [['metrics', '--data', tmpdir(), '--sets', 'nope']],
    [['nonsense', '--data', '.']],
    [['metrics', '--what']],
    [[]],
  ])('answers %j with a message and exit code 1', async (argv) => {
    const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      expect(await runEval(argv)).toBe(1);
      expect([...err.mock.calls, ...out.mock.calls].join('')).toMatch(/\S/);
    } finally {
      err.mockRestore();
      out.mockRestore();
    }
  });
});

describe('results file', () => {
  it('replaces the section of a suite and keeps the others', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'tocsin-eval-')), 'results.md');
    writeSection(path, 'metrics', 'old');
    writeSection(path, 'faults', 'kept');
    writeSection(path, 'metrics', 'new');
    const text = readFileSync(path, 'utf8');
    expect(text).toContain('new');
    expect(text).toContain('kept');
    expect(text).not.toContain('old');
    writeFileSync(path, '');
  });
});
