import { Agent, request } from 'node:http';
import { type Fault, faultSchedule } from './faults.ts';
import { encodeLogs, encodeMetrics, encodeSpans } from './otlp.ts';
import { Shop, type Telemetry } from './simulate.ts';

const SECOND = 1_000;
/** The same before and after going live: what changes with it would be an anomaly, and rightly so. */
const STEP = 15 * SECOND;
/** Traced requests per second; the metrics count all of them. */
const TRACES = 1.2;
const TRACED = Math.round((TRACES * STEP) / SECOND);

export interface DemoSettings {
  /** OTLP/HTTP, e.g. http://127.0.0.1:4318 */
  readonly endpoint: string;
  readonly backfillMs: number;
  readonly seed: number;
  readonly faults: boolean;
}

export interface DemoOptions extends DemoSettings {
  readonly signal: AbortSignal;
  /** Progress of the back-fill, 0-1, and words about what is going on. */
  readonly onProgress: (share: number) => void;
  readonly onNote: (text: string) => void;
}

/**
 * Runs the shop against a server: two simulated days as fast as the server takes them, then live with faults on a
 * schedule, until aborted. Everything goes over the wire as OTLP/HTTP protobuf.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const sender = new Sender(options.endpoint, options.signal);
  const live = Math.floor(Date.now() / STEP) * STEP;
  const first = live - options.backfillMs;
  const shop = new Shop(options.seed, first);
  for (let at = first; at < live && !options.signal.aborted; at += STEP) {
    await sender.send(shop.step(at, STEP, TRACED, []));
    options.onProgress((at - first) / options.backfillMs);
  }
  options.onProgress(1);

  let at = live;
  // What passed while the back-fill ran is sent in live steps until the clock is caught up.
  const caughtUp = Date.now();
  const schedule = faultSchedule(caughtUp);
  let current: Fault | null = null;
  while (!options.signal.aborted) {
    if (options.faults && (current === null || at >= current.to)) {
      if (current !== null) options.onNote(`fault over: ${current.title}`);
      current = schedule.next().value as Fault;
      options.onNote(`next fault at ${new Date(current.from).toLocaleTimeString()}: ${current.title}`);
    }
    const wait = at + STEP - Date.now();
    if (wait > 0) await sleep(wait, options.signal);
    if (options.signal.aborted) return;
    try {
      await sender.send(shop.step(at, STEP, TRACED, current === null ? [] : [current]));
    } catch (error) {
      if (options.signal.aborted) return;
      options.onNote(`the server does not take data: ${(error as Error).message}; trying on`);
      await sleep(SECOND, options.signal);
    }
    at += STEP;
  }
}

class Sender {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #base: URL;
  readonly #signal: AbortSignal;

  constructor(endpoint: string, signal: AbortSignal) {
    this.#base = new URL(endpoint);
    this.#signal = signal;
  }

  /** Resolves when all three signals of a step are acknowledged. */
  async send(telemetry: Telemetry): Promise<void> {
    await Promise.all([
      this.#post('/v1/metrics', encodeMetrics(telemetry.gauges, telemetry.histograms)),
      telemetry.spans.length > 0 ? this.#post('/v1/traces', encodeSpans(telemetry.spans)) : null,
      telemetry.logs.length > 0 ? this.#post('/v1/logs', encodeLogs(telemetry.logs)) : null,
    ]);
  }

  async #post(path: string, body: Uint8Array): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const { status, retryAfter } = await this.#once(path, body);
      if (status < 300) return;
      if ((status !== 429 && status !== 503) || attempt > 100) throw new Error(`POST ${path}: ${status}`);
      await sleep(Math.max(50, retryAfter * SECOND), this.#signal);
    }
  }

  #once(path: string, body: Uint8Array): Promise<{ status: number; retryAfter: number }> {
    return new Promise((resolve, reject) => {
      const call = request(
        new URL(path, this.#base),
        {
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length },
          signal: this.#signal,
        },
        (response) => {
          response.resume();
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, retryAfter: Number(response.headers['retry-after'] ?? 0) }),
          );
          response.on('error', reject);
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
