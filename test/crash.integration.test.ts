import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../src/stats/rng.ts';
import type { ChildArguments, Finished, FromChild, ToChild } from './crash/messages.ts';
import { SERIES_PER_SERVICE, SERVICES, traffic } from './traffic.ts';

/**
 * Kills the pipeline again and again while it takes in numbered requests, and holds it against a run that nothing
 * disturbed. Time is in the data: both runs hand the same clock in, so that state, incidents and decisions must be equal.
 */
const WARM = 200;
const STEPS = 300;
const REQUESTS = traffic({
  seed: 7,
  start: 1_750_000_000_000,
  steps: STEPS,
  fault: [WARM, WARM + 12],
  pauses: { 40: 75_000, 250: 45_000 },
  broken: [60, 130, 201],
});
const END = REQUESTS.at(-1)!.at + 90_000;
const IN_FLIGHT = 6;
/** Another number, another set of instants. */
const SEED = Number(process.env['TOCSIN_CRASH_SEED'] ?? 0);

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-crash-'));
/** Idempotency keys that each hook was called with, and what it was told under it. */
const heard = new Map<string, { key: string; body: string }[]>();
let hook: Server;
let hookUrl = '';

beforeAll(async () => {
  hook = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const calls = heard.get(request.url!) ?? [];
      heard.set(request.url!, calls);
      calls.push({ key: String(request.headers['idempotency-key']), body: Buffer.concat(parts).toString() });
      response.end('ok');
    });
  }).listen(0, '127.0.0.1');
  await once(hook, 'listening');
  hookUrl = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`;
});
afterAll(() => {
  hook.closeAllConnections();
  hook.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** One life of the pipeline over a data folder. */
class Life {
  readonly #child: ChildProcess;
  readonly #errors: string[] = [];
  readonly gone: Promise<void>;
  readonly ready = Promise.withResolvers<number>();
  readonly finished = Promise.withResolvers<Finished>();
  onApplied: (number: number) => void = () => undefined;
  dead = false;

  constructor(args: ChildArguments) {
    this.#child = fork(join(import.meta.dirname, 'crash', 'child.ts'), [JSON.stringify(args)], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      execArgv: ['--no-warnings'],
    });
    const errors: Buffer[] = [];
    this.#child.stderr!.on('data', (part: Buffer) => errors.push(part));
    this.#child.on('message', (message: FromChild) => {
      if (message.type === 'ready') this.ready.resolve(message.watermark);
      else if (message.type === 'applied') this.onApplied(message.number);
      else if (message.type === 'finished') this.finished.resolve(message);
      else {
        this.#errors.push(message.message);
        this.#child.kill('SIGKILL');
      }
    });
    this.#child.on('error', () => undefined);
    this.gone = new Promise((resolve) => {
      this.#child.on('exit', (_, signal) => {
        this.dead = true;
        if (signal !== 'SIGKILL') this.#errors.push(`ended by itself: ${Buffer.concat(errors)}`);
        const fault = new Error(`child: ${this.#errors.join('\n') || 'killed'}`);
        this.ready.reject(fault);
        this.finished.reject(fault);
        resolve();
      });
    });
    for (const promise of [this.ready.promise, this.finished.promise]) promise.catch(() => undefined);
  }

  /** What went wrong besides being killed. */
  get faults(): readonly string[] {
    return this.#errors;
  }

  send(message: ToChild): void {
    if (!this.dead && this.#child.connected) this.#child.send(message, () => undefined);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.gone;
  }
}

/** Sends requests from `from` on, a few in flight, until all are applied, `enough` says so, or the child is gone. */
async function send(life: Life, from: number, applied: (number: number) => boolean): Promise<void> {
  let next = from;
  const done = Promise.withResolvers<void>();
  const push = (): void => {
    const { number, signal, at, body } = REQUESTS[next++]!;
    life.send({ type: 'request', number, signal, at, body });
  };
  life.onApplied = (number) => {
    if (applied(number) || number === REQUESTS.length - 1) done.resolve();
    else if (next < REQUESTS.length) push();
  };
  for (let i = 0; i < IN_FLIGHT && next < REQUESTS.length; i++) push();
  await Promise.race([done.promise, life.gone]);
}

const launch = (name: string, at: number, dieAtCall = 0, dieWhen: ChildArguments['dieWhen'] = 'after'): Life =>
  new Life({ dataDir: join(scratch, name), webhook: `${hookUrl}/${name}`, at, dieAtCall, dieWhen });

async function finish(life: Life): Promise<Finished> {
  life.send({ type: 'finish', at: END });
  const result = await life.finished.promise;
  await life.kill();
  return result;
}

/** Number of the first request that is not in the state, by the newest event time that it holds (its float may be a hair off). */
const firstMissing = (watermark: number): number => {
  const index = REQUESTS.findIndex((request) => request.at > watermark + 0.5);
  return index < 0 ? REQUESTS.length : index;
};

describe('kill -9', () => {
  let undisturbed: Finished;

  beforeAll(async () => {
    const life = launch('undisturbed', REQUESTS[0]!.at);
    await life.ready.promise;
    await send(life, 0, () => false);
    undisturbed = await finish(life);
    expect(life.faults).toEqual([]);
  });

  it('has a story to lose: an incident that opens, escalates and closes, and people told of it', () => {
    const incidents = JSON.parse(undisturbed.incidents) as { status: string }[];
    expect(incidents.map((incident) => incident.status)).toEqual(['closed']);
    expect(undisturbed.outbox.length).toBeGreaterThanOrEqual(2);
    expect(undisturbed.outbox.every(({ state }) => state === 'sent')).toBe(true);
  });

  const kills = { random: 0, start: 0, 'file system call': 0 };

  async function torture(
    name: string,
    seed: number,
    plan: 'random' | 'file system call',
    rounds: number,
  ): Promise<void> {
    const rng = createRng(seed);
    let acknowledged = -1;
    for (let round = 0; round < rounds; round++) {
      // Back at once: the clock goes on from the last request that was acknowledged.
      const at = REQUESTS[Math.max(acknowledged, 0)]!.at;
      const whens = ['before', 'torn', 'after'] as const;
      const byCall = plan === 'file system call';
      const life = launch(name, at, byCall ? 1 + rng.int(round % 3 === 0 ? 12 : 160) : 0, whens[rng.int(3)]!);
      if (!byCall && rng.next() < 0.35) {
        await new Promise((resolve) => setTimeout(resolve, 250 + rng.next() * 900));
        await life.kill();
        expect(life.faults).toEqual([]);
        kills.start++;
        continue;
      }
      const watermark = await life.ready.promise.catch(() => null);
      expect(life.faults).toEqual([]);
      if (watermark === null) {
        kills[plan]++;
        continue;
      }
      const missing = firstMissing(watermark);
      expect(missing, 'an acknowledged request is missing').toBeGreaterThan(acknowledged);
      const goal = missing + Math.floor((REQUESTS.length / rounds) * (0.5 + rng.next()));
      const delay = rng.next() * 40;
      await send(life, missing, (number) => {
        acknowledged = number;
        return !byCall && number >= goal;
      });
      if (!byCall) await new Promise((resolve) => setTimeout(resolve, delay));
      await life.kill();
      expect(life.faults).toEqual([]);
      kills[plan]++;
    }
    const life = launch(name, REQUESTS[Math.max(acknowledged, 0)]!.at);
    const missing = firstMissing(await life.ready.promise);
    expect(missing).toBeGreaterThan(acknowledged);
    if (missing < REQUESTS.length) await send(life, missing, () => false);
    const result = await finish(life);
    expect(life.faults).toEqual([]);
    expect(result.incidents).toBe(undisturbed.incidents);
    expect(result.decisions).toEqual(undisturbed.decisions);
    expect(result.counts).toEqual(undisturbed.counts);
    expect(result.outbox).toEqual(undisturbed.outbox);
    expect(JSON.parse(result.correlator)).toEqual(JSON.parse(undisturbed.correlator));
    expect(result.partHashes).toEqual(undisturbed.partHashes);
    expect(result.stateHash).toBe(undisturbed.stateHash);
    told(name);
  }

  /** At least once, under the same key, and never two different things under one key. */
  function told(name: string): void {
    const bodies = (calls: readonly { key: string; body: string }[]): Map<string, Set<string>> => {
      const byKey = new Map<string, Set<string>>();
      for (const { key, body } of calls) byKey.set(key, (byKey.get(key) ?? new Set()).add(body));
      return byKey;
    };
    const calm = bodies(heard.get('/undisturbed')!);
    const wild = bodies(heard.get(`/${name}`)!);
    expect([...wild.keys()].toSorted()).toEqual([...calm.keys()].toSorted());
    for (const [key, texts] of wild) expect([...texts]).toEqual([...calm.get(key)!]);
  }

  it('counts every gauge sample of closed windows', () => {
    const gauges = Object.entries(undisturbed.counts).filter(
      ([key]) =>
        SERVICES.some((service) => key.includes(`${service} `)) &&
        / (cpu|memory|queue|latency|connections|errors) /.test(key),
    );
    expect(gauges).toHaveLength(SERVICES.length * SERIES_PER_SERVICE);
    for (const [, count] of gauges) expect(count).toBe(STEPS);
  });

  afterAll(() => {
    // For the record: how often it was killed, and when.
    process.stdout.write(
      `kill -9: ${kills.start} times during start and replay, ${kills.random} during ingest and snapshot, ${kills['file system call']} in a file system call\n`,
    );
  });

  it('at random instants of start, replay, ingest and snapshot', async () => {
    await torture('random', SEED + 11, 'random', 13);
  });

  it('in the middle of a file system call of log and snapshots', async () => {
    await torture('calls', SEED + 23, 'file system call', 12);
  });
});
