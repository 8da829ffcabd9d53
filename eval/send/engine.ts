import { readFileSync } from 'node:fs';
import type { Incident } from '../../src/domain/incident.ts';
import type { Signal } from '../../src/domain/ports.ts';

export interface EngineCost {
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

/** What a replay drives: the product behind HTTP, or the same pipeline in this process. */
export interface Engine {
  readonly name: string;
  /** `at`: what a live receiver's clock would show, ms; a real server has its own. */
  send(signal: Signal, body: Uint8Array, at: number): Promise<void>;
  /** Resolves when what was sent so far is decided, as far as its event time allows. */
  flush(at: number): Promise<void>;
  /** Every incident opened since the given event time. */
  incidents(from: number): Promise<readonly Incident[]>;
  /** CPU and memory used since the start; null when unknown. */
  cost(): Promise<EngineCost | null>;
  close(): Promise<void>;
}

export interface HttpOptions {
  /** OTLP over HTTP, e.g. http://127.0.0.1:4318 */
  readonly endpoint: string;
  /** REST API, e.g. http://127.0.0.1:4400 */
  readonly api: string;
  /** For CPU and memory of a server on this machine; else its /metrics is read. */
  readonly pid: number | null;
}

/** A running server. 429 and 503 are retried after the delay that it asks for. */
export function httpEngine(options: HttpOptions): Engine {
  const cpuAtStart = { value: Number.NaN };
  const whole = new Map<string, Incident>();
  async function read(path: string): Promise<unknown> {
    const response = await fetch(`${options.api}${path}`);
    if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
    return response.json();
  }
  async function readCost(): Promise<EngineCost | null> {
    return options.pid === null ? await costFromMetrics(options.api) : costOfProcess(options.pid);
  }
  return {
    name: 'server',
    async send(signal, body) {
      if (Number.isNaN(cpuAtStart.value)) cpuAtStart.value = (await readCost())?.cpuSeconds ?? 0;
      for (let attempt = 0; ; attempt++) {
        const response = await fetch(`${options.endpoint}/v1/${signal}`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-protobuf' },
          body: Buffer.from(body),
        });
        await response.arrayBuffer();
        if (response.ok) return;
        const retryable = response.status === 429 || response.status === 503;
        if (!retryable || attempt >= 50) throw new Error(`POST /v1/${signal}: ${response.status}`);
        await sleep(1000 * Number(response.headers.get('retry-after') ?? 0.2));
      }
    },
    async flush() {
      // The server closes ticks by itself; a short pause lets it finish what it has.
      await sleep(50);
    },
    async incidents(from) {
      const items: Incident[] = [];
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({ from: String(from), limit: '200' });
        if (cursor !== null) query.set('cursor', cursor);
        const page = (await read(`/api/v1/incidents?${query}`)) as {
          items: { id: string; version: number }[];
          next: string | null;
        };
        // The list leaves causes and evidence out: whole incidents are read one by one, and again when they changed.
        for (const { id, version } of page.items) {
          const known = whole.get(id);
          const incident = known?.version === version ? known : ((await read(`/api/v1/incidents/${id}`)) as Incident);
          whole.set(id, incident);
          items.push(incident);
        }
        cursor = page.next;
      } while (cursor !== null);
      return items;
    },
    async cost() {
      const cost = await readCost();
      return cost === null ? null : { cpuSeconds: cost.cpuSeconds - cpuAtStart.value, peakRssBytes: cost.peakRssBytes };
    },
    async close() {},
  };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Linux only: user plus system time at 100 ticks a second, and the largest resident set. */
function costOfProcess(pid: number): EngineCost | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100, peakRssBytes: peak };
  } catch {
    return null;
  }
}

async function costFromMetrics(api: string): Promise<EngineCost | null> {
  try {
    const text = await (await fetch(`${api}/metrics`)).text();
    const value = (name: string): number =>
      Number(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)`, 'm').exec(text)?.[1] ?? Number.NaN);
    const cpu = value('process_cpu_seconds_total');
    return Number.isNaN(cpu) ? null : { cpuSeconds: cpu, peakRssBytes: value('process_resident_memory_bytes') };
  } catch {
    return null;
  }
}
