import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Program } from '../../test/program.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-cli-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(args: readonly string[], input = ''): Promise<{ code: number | string; out: string; err: string }> {
  const program = new Program(args);
  program.child.stdin!.end(input);
  const code = await program.ended;
  return { code, out: program.stdout, err: program.stderr };
}

const file = (name: string, text: string): string => {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
};

describe('tocsin', () => {
  it('lists its commands, and every command has examples', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const name of ['serve', 'demo', 'check-config', 'replay', 'explain', 'eval', 'bench', 'version'])
      expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    for (const name of ['serve', 'replay'])
      expect((await run([name, '--help'])).out).toMatch(/Examples:\n {2}\$ tocsin /);
  });

  it('answers wrong usage with 2', async () => {
    expect((await run(['sing'])).code).toBe(2);
    expect((await run(['serve', '--colour'])).code).toBe(2);
  });

  it('says its version', async () => {
    const { code, out } = await run(['version']);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^tocsin \S+ \(node \d+\.\d+\.\d+, \w+-\w+\)\n$/),
    });
  });

  it('check-config: good, bad with every fault, standard input, a folder', async () => {
    const good = file('good.yaml', 'ingest: { shards: 1 }\n');
    const bad = file('bad.yaml', 'ingest: { shards: many }\ncolour: red\n');
    expect(await run(['check-config', good])).toMatchObject({ code: 0, out: expect.stringContaining('SUCCESS') });
    const refused = await run(['check-config', good, bad]);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('2 faults');
    expect(await run(['check-config', '-'], 'ingest: { shards: 1 }')).toMatchObject({
      code: 0,
      out: expect.stringContaining('<stdin>'),
    });
    mkdirSync(join(scratch, 'folder'));
    file('folder/a.yaml', 'ingest: { shards: 1 }\n');
    file('folder/b.yaml', 'log_level: warn\n');
    expect((await run(['check-config', join(scratch, 'folder')])).out).toContain('2 files');
  });

  it('replays OTLP/JSON lines, and refuses a file without telemetry', async () => {
    const line = (i: number): string =>
      JSON.stringify({
        resourceMetrics: [
          {
            resource: { attributes: [{ key: 'service.name', value: { stringValue: 'cart' } }] },
            scopeMetrics: [
              {
                metrics: [
                  {
                    name: 'cpu',
                    gauge: {
                      dataPoints: [
                        { timeUnixNano: String(BigInt(1_700_000_000_000 + i * 10_000) * 1_000_000n), asDouble: i },
                      ],
                    },
                  },
                ],
              },
            ],
          },
        ],
      });
    const path = file('metrics.jsonl', Array.from({ length: 20 }, (_, i) => line(i)).join('\n'));
    const { code, out } = await run(['replay', path]);
    expect(code).toBe(0);
    expect(out).toContain('0 incidents; 20 items in 20 requests, 0 rejected; 1 series of 1 services');
    expect(await run(['replay', file('empty.jsonl', '')])).toMatchObject({
      code: 1,
      err: expect.stringContaining('hold no telemetry'),
    });
  });
});
