import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { freePort, Program, post } from './program.ts';
import { SERIES_PER_SERVICE, SERVICES, traffic } from './traffic.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-process-'));
const running: Program[] = [];
let folders = 0;

afterEach(async () => {
  for (const program of running.splice(0)) await program.kill();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function folder(): string {
  const path = join(scratch, String(folders++));
  mkdirSync(path);
  return path;
}

const config = (where: string, extra = '', api = '127.0.0.1:0'): string =>
  `data_dir: ${where}/data\nlog_level: error\ningest:\n  grpc: 127.0.0.1:0\n  http: 127.0.0.1:0\n  shards: 1\napi:\n  listen: ${api}\n${extra}`;

function start(where: string, text = config(where)): Program {
  const program = Program.serve(where, text);
  running.push(program);
  return program;
}

const get = async (url: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
};

/** Requests that end about now, so that nothing is too old. */
const recent = (steps: number) =>
  traffic({ seed: 3, start: Math.floor(Date.now() / 10_000) * 10_000 - steps * 10_000, steps, fault: [0, 0] });

describe('a running program', () => {
  it('SIGTERM lets what is in flight finish, ends with 0, and leaves nothing to replay', async () => {
    const where = folder();
    const program = start(where);
    const { otlp } = await program.listening();
    const requests = recent(40).filter(({ signal }) => signal === 'metrics');
    const answers = requests.slice(0, 20).map(({ body }) => post(`${otlp}/v1/metrics`, body));
    await Promise.all(answers);
    const late = requests.slice(20).map(({ body }) => post(`${otlp}/v1/metrics`, body));
    await Promise.race(late);
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(program.stderr).toContain('SIGTERM: draining');
    const codes = await Promise.all([...answers, ...late]);
    // Answered, told to come back, or not connected any more: never broken off.
    expect(codes.filter((code) => ![200, 503, 0].includes(code))).toEqual([]);
    const taken = codes.filter((code) => code === 200).length;
    expect(taken).toBeGreaterThan(20);

    const again = start(where);
    const { api } = await again.listening();
    expect(again.stderr).not.toContain('replaying');
    const { items } = JSON.parse((await get(`${api}/api/v1/series?limit=200`)).text) as { items: unknown[] };
    expect(items).toHaveLength(SERVICES.length * SERIES_PER_SERVICE);
    again.signal('SIGINT');
    expect(await again.ended).toBe(0);
  });

  it('is not ready before the input log is replayed', async () => {
    const where = folder();
    const port = await freePort();
    const program = start(where, config(where, '', `127.0.0.1:${port}`));
    const { otlp } = await program.listening();
    for (const { signal, body } of recent(200)) expect(await post(`${otlp}/v1/${signal}`, body)).toBe(200);
    await program.kill();
    const again = start(where, config(where, '', `127.0.0.1:${port}`));
    const seen: number[] = [];
    while (seen.at(-1) !== 200) {
      seen.push(
        await fetch(`http://127.0.0.1:${port}/-/ready`).then(
          (response) => response.status,
          () => 0,
        ),
      );
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect([...new Set(seen.filter((status) => status !== 0))]).toEqual([503, 200]);
    await again.listening();
    expect(again.stderr).toContain('replaying the input log');
  });

  it('keeps a verdict and an acknowledged point through kill -9', async () => {
    const where = folder();
    const program = start(where);
    const { api, otlp } = await program.listening();
    const requests = traffic({
      seed: 7,
      start: Math.floor(Date.now() / 10_000) * 10_000 - 2_400_000,
      steps: 230,
      fault: [200, 212],
    });
    for (const { signal, body } of requests) expect(await post(`${otlp}/v1/${signal}`, body)).toBe(200);
    let incidents: { id: string }[] = [];
    for (let i = 0; i < 100 && incidents.length === 0; i++) {
      incidents = (JSON.parse((await get(`${api}/api/v1/incidents`)).text) as { items: { id: string }[] }).items;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { id } = incidents[0]!;
    const said = await fetch(`${api}/api/v1/incidents/${id}/verdict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-tocsin-request': 'test' },
      body: JSON.stringify({ kind: 'real', comment: 'disk full', by: 'ana' }),
    });
    expect(said.status).toBe(200);
    await program.kill();

    const again = start(where);
    const next = await again.listening();
    const { items } = JSON.parse((await get(`${next.api}/api/v1/incidents/${id}/verdicts`)).text) as {
      items: { kind: string; comment: string }[];
    };
    expect(items).toMatchObject([{ kind: 'real', comment: 'disk full' }]);
    expect(JSON.parse((await get(`${next.api}/api/v1/incidents/${id}`)).text)).toMatchObject({
      id,
      verdict: { kind: 'real' },
    });
  });

  it('reloads: fine, or all faults and nothing taken', async () => {
    const where = folder();
    const { api } = await start(where).listening();
    const reload = async (): Promise<{ status: number; body: unknown }> => {
      const response = await fetch(`${api}/-/reload`, { method: 'POST', headers: { 'x-tocsin-request': 'test' } });
      return { status: response.status, body: await response.json() };
    };
    expect(await reload()).toEqual({ status: 200, body: { ok: true, errors: [] } });
    writeFileSync(join(where, 'tocsin.yaml'), 'ingest: { shards: many }\ncolour: red\n');
    const refused = await reload();
    expect(refused.status).toBe(400);
    expect((refused.body as { errors: string[] }).errors).toHaveLength(2);
    expect((await get(`${api}/-/healthy`)).status).toBe(200);
    expect((await get(`${api}/metrics`)).text).toMatch(/^tocsin_config_last_reload_successful 0$/m);
  });

  it('exposes the metrics that docs/metrics.md lists, in a form that parses', async () => {
    const where = folder();
    const { api, otlp } = await start(where).listening();
    for (const { signal, body } of recent(3)) await post(`${otlp}/v1/${signal}`, body);
    const { text } = await get(`${api}/metrics`);
    const lines = text.split('\n').filter((line) => line !== '');
    expect(
      lines.filter(
        (line) =>
          !/^# (HELP|TYPE) [\w:]+ .+$/.test(line) &&
          !/^[a-zA-Z_:][\w:]*(\{([\w]+="([^"\\]|\\.)*",?)*\})? (-?[\d.]+(e[+-]?\d+)?|NaN|[+-]Inf)$/.test(line),
      ),
    ).toEqual([]);
    const exposed = [...new Set(lines.flatMap((line) => /^# TYPE (tocsin_\w+)/.exec(line)?.[1] ?? []))].toSorted();
    const listed = [
      ...readFileSync(join(import.meta.dirname, '..', 'docs', 'metrics.md'), 'utf8').matchAll(/^\| `(tocsin_\w+)`/gm),
    ]
      .map(([, name]) => name!)
      .toSorted();
    expect(exposed).toEqual(listed);
  });
});

describe('a start that cannot succeed says why in a line and ends with 1', () => {
  const fails = async (program: Program, said: RegExp): Promise<void> => {
    expect(await program.ended).toBe(1);
    expect(program.stderr).toMatch(said);
    expect(program.stderr).not.toMatch(/^\s+at /m);
  };

  it('a bad configuration, with all faults', async () => {
    const where = folder();
    const program = start(where, 'ingest:\n  shards: many\napi:\n  listen: nowhere\ncolour: red\n');
    await fails(program, /tocsin\.yaml:2: ingest\.shards/);
    expect(program.stderr).toMatch(/tocsin\.yaml:4: api\.listen/);
    expect(program.stderr).toMatch(/tocsin\.yaml:5: colour: unknown key/);
  });

  it('a port in use, of the API or of ingest', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const taken = `127.0.0.1:${(blocker.address() as { port: number }).port}`;
    const api = folder();
    await fails(start(api, config(api, '', taken)), new RegExp(`api\\.listen ${taken} is in use by another program`));
    const http = folder();
    await fails(
      start(http, config(http).replace('http: 127.0.0.1:0', `http: ${taken}`)),
      new RegExp(`ingest\\.http ${taken} is in use by another program`),
    );
    blocker.close();
  });

  it('a data folder that another process has, or that cannot be made', async () => {
    const where = folder();
    const first = start(where);
    await first.listening();
    await fails(
      start(where),
      new RegExp(`data_dir ${where}/data is in use by another Tocsin \\(process ${first.child.pid} on `),
    );
    expect((await get(`${(await first.listening()).api}/-/ready`)).status).toBe(200);
    const other = folder();
    writeFileSync(join(other, 'data'), 'a file');
    await fails(start(other), new RegExp(`data_dir ${other}/data cannot be written: EEXIST`));
  });

  it('another number of shards than the folder was made for', async () => {
    const where = folder();
    const first = start(where);
    await first.listening();
    first.signal('SIGTERM');
    expect(await first.ended).toBe(0);
    await fails(start(where, config(where).replace('shards: 1', 'shards: 2')), /holds 1 shards, ingest\.shards says 2/);
  });
});
