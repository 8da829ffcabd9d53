import {
  type DemoLog,
  type DemoSpan,
  encodeLogs,
  encodeMetrics,
  encodeSpans,
  type Gauge,
  type Pod,
} from '../src/cli/demo/otlp.ts';
import type { Signal } from '../src/domain/ports.ts';
import { createRng } from '../src/stats/rng.ts';

/** A small system that talks OTLP: a chain of services, each with figures, lines and spans, one of which goes wrong. */
export const SERVICES = ['front', 'cart', 'ledger', 'stock'] as const;
export const STEP_MS = 10_000;
const GAUGES = ['cpu', 'memory', 'queue', 'latency', 'connections', 'errors'] as const;
const LEVEL: Readonly<Record<(typeof GAUGES)[number], number>> = {
  cpu: 0.4,
  memory: 600,
  queue: 12,
  latency: 40,
  connections: 80,
  errors: 0.5,
};
const WRONG: Readonly<Record<(typeof GAUGES)[number], number>> = {
  cpu: 3,
  memory: 1.6,
  queue: 20,
  latency: 12,
  connections: 4,
  errors: 60,
};
export const SERIES_PER_SERVICE = GAUGES.length;

export interface Request {
  readonly number: number;
  readonly signal: Signal;
  /** Newest event time in it; strictly rising with the number. */
  readonly at: number;
  readonly body: Uint8Array;
}

export interface TrafficOptions {
  readonly seed: number;
  readonly start: number;
  readonly steps: number;
  /** Steps in which `ledger` is ill. */
  readonly fault: readonly [number, number];
  /** After these steps nothing is sent for a while. */
  readonly pauses?: Readonly<Record<number, number>>;
  /** Before these steps comes a request that names series nobody knows, and then breaks off: it must be refused. */
  readonly broken?: readonly number[];
}

/** The requests of a run: three a step (metrics, logs, traces). Same options, same bytes. */
export function traffic(options: TrafficOptions): Request[] {
  const rng = createRng(options.seed);
  const out: Request[] = [];
  const pods: Pod[] = SERVICES.map((service) => ({
    service,
    language: 'go',
    version: '1.0.0',
    name: `${service}-7f9c-1`,
    node: 'node-a',
  }));
  let at = options.start;
  for (let step = 0; step < options.steps; step++) {
    const ill = step >= options.fault[0] && step < options.fault[1];
    const gauges: Gauge[] = [];
    const logs: DemoLog[] = [];
    const spans: DemoSpan[] = [];
    for (const pod of pods) {
      const sick = ill && pod.service === 'ledger';
      for (const metric of GAUGES) {
        const value = LEVEL[metric] * (1 + 0.05 * rng.normal()) * (sick ? WRONG[metric] : 1);
        gauges.push({ pod, metric, unit: '1', at, value });
      }
      for (let i = 0; i < 6; i++)
        logs.push({
          pod,
          at: at + 1 - i * 100,
          severity: 9,
          body: `order ${rng.int(10_000)} taken in ${rng.int(90)} ms`,
          traceId: null,
        });
      if (sick)
        for (let i = 0; i < 5; i++)
          logs.push({
            pod,
            at: at + 1 - i * 90,
            severity: 17,
            body: `write to segment ${rng.int(500)} failed: no space left on device`,
            traceId: null,
          });
    }
    for (let i = 0; i < 6; i++) chain(pods, at - 500 - i * 700, ill, spans, rng);
    // The newest span ends at the time that numbers the request.
    spans.push({
      pod: pods[0]!,
      traceId: bytes(16, rng),
      spanId: bytes(8, rng),
      parentId: null,
      name: 'GET /',
      kind: 2,
      start: at - 10,
      end: at + 2,
      error: false,
    });
    const add = (signal: Signal, time: number, body: Uint8Array): void =>
      void out.push({ number: out.length, signal, at: time, body });
    if (options.broken?.includes(step)) {
      const ghost: Pod = { ...pods[0]!, service: `ghost-${step}`, name: `ghost-${step}-1` };
      const whole = encodeMetrics([...gauges.map((gauge) => ({ ...gauge, pod: ghost })), ...gauges], []);
      add('metrics', at - 1, whole.subarray(0, whole.length - 7));
    }
    add('metrics', at, encodeMetrics(gauges, []));
    add('logs', at + 1, encodeLogs(logs));
    add('traces', at + 2, encodeSpans(spans));
    at += STEP_MS + (options.pauses?.[step] ?? 0);
  }
  return out;
}

function chain(
  pods: readonly Pod[],
  start: number,
  ill: boolean,
  out: DemoSpan[],
  rng: ReturnType<typeof createRng>,
): void {
  const traceId = bytes(16, rng);
  let parentId: Uint8Array | null = null;
  let from = start;
  let length = 200 * (1 + 0.1 * rng.normal()) * (ill ? 2 : 1);
  for (const [i, pod] of pods.slice(0, 3).entries()) {
    const error = ill && rng.next() < 0.6;
    const server = bytes(8, rng);
    out.push({
      pod,
      traceId,
      spanId: server,
      parentId,
      name: `work ${i}`,
      kind: 2,
      start: from,
      end: from + length,
      error,
    });
    if (i === 2) break;
    const client = bytes(8, rng);
    out.push({
      pod,
      traceId,
      spanId: client,
      parentId: server,
      name: `call ${i + 1}`,
      kind: 3,
      start: from + 5,
      end: from + length - 5,
      error,
    });
    parentId = client;
    from += 6;
    length -= 12;
  }
}

function bytes(length: number, rng: ReturnType<typeof createRng>): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = rng.int(256);
  return out;
}
