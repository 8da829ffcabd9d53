import { createRng, type Rng } from '../../stats/rng.ts';
import { type Effect, effectOf, type Fault } from './faults.ts';
import type { DemoLog, DemoSpan, Gauge, Histogram, Pod } from './otlp.ts';
import { ENTRY, loadAt, type Operation, type Service, SHOP, serviceNamed } from './shop.ts';

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** Latencies drawn per operation and step; the step's requests are spread over them. */
const DRAWS = 24;
const NODES = ['node-a', 'node-b', 'node-c'];
const CLIENT = 3;
const SERVER = 2;

export interface Telemetry {
  readonly gauges: Gauge[];
  readonly histograms: Histogram[];
  readonly spans: DemoSpan[];
  readonly logs: DemoLog[];
}

interface Cumulative {
  readonly since: number;
  readonly counts: Float64Array;
  sum: number;
}

/** The shop over time. Seeded: the same seed and times give the same telemetry. */
export class Shop {
  readonly #rng: Rng;
  readonly #pods = new Map<string, Pod[]>();
  readonly #histograms = new Map<string, Cumulative>();
  readonly #memory = new Map<string, number>();
  readonly #started: number;

  constructor(seed: number, started: number) {
    this.#rng = createRng(seed);
    this.#started = started;
    for (const service of SHOP) this.#roll(service, service.version);
  }

  /** Everything that happens in [at, at + step): `traces` of the requests are traced, the lines of those are logged. */
  step(at: number, step: number, traces: number, faults: readonly Fault[]): Telemetry {
    const out: Telemetry = { gauges: [], histograms: [], spans: [], logs: [] };
    const effects = new Map(SHOP.map((service) => [service.name, effectOf(faults, service.name, at)]));
    for (const service of SHOP) {
      const effect = effects.get(service.name)!;
      const version = effect.version ?? service.version;
      if (this.#pods.get(service.name)![0]!.version !== version) this.#roll(service, version);
    }
    const rates = requestRates(loadAt(at) * (1 + 0.06 * this.#rng.normal()));
    for (const service of SHOP)
      if (!effects.get(service.name)!.silent) this.#measure(service, at + step, step, rates, effects, out);
    for (let i = 0; i < traces; i++) this.#trace(at + this.#rng.next() * step, effects, out);
    return {
      ...out,
      spans: out.spans.filter((span) => !effects.get(span.pod.service)!.silent),
      logs: out.logs.filter((log) => !effects.get(log.pod.service)!.silent),
    };
  }

  #roll(service: Service, version: string): void {
    const hash = this.#hex(5);
    const pods = Array.from({ length: service.replicas }, (_, i) => ({
      service: service.name,
      language: service.language,
      version,
      name: `${service.name}-${hash}-${this.#hex(3)}`,
      node: NODES[(i + service.name.length) % NODES.length]!,
    }));
    this.#pods.set(service.name, pods);
  }

  #measure(
    service: Service,
    at: number,
    step: number,
    rates: ReadonlyMap<string, number>,
    effects: ReadonlyMap<string, Effect>,
    out: Telemetry,
  ): void {
    const effect = effects.get(service.name)!;
    const pods = this.#pods.get(service.name)!;
    let total = 0;
    for (const operation of service.operations) total += rates.get(`${service.name} ${operation.name}`) ?? 0;
    for (const pod of pods) {
      const share = (total / pods.length) * (1 + 0.04 * this.#rng.normal());
      const gauge = (metric: string, unit: string, value: number) =>
        out.gauges.push({ pod, metric, unit, at, value: Math.max(0, value) });
      gauge(
        'container.cpu.usage',
        '{cpu}',
        (service.cpuIdle + service.cpuPerRequest * share) * effect.cpu * (1 + 0.05 * this.#rng.normal()),
      );
      gauge('container.memory.working_set', 'By', this.#memoryOf(pod, service) * effect.memory * 1e6);
      let busy = 0;
      for (const operation of service.operations) {
        const rate = (rates.get(`${service.name} ${operation.name}`) ?? 0) / pods.length;
        busy += this.#histogram(pod, service, operation, at, step, rate, effects, out);
      }
      gauge('http.server.active_requests', '{request}', busy);
    }
  }

  /** Adds the step's requests of one operation to its cumulative histogram; returns the mean number in flight. */
  #histogram(
    pod: Pod,
    service: Service,
    operation: Operation,
    at: number,
    step: number,
    rate: number,
    effects: ReadonlyMap<string, Effect>,
    out: Telemetry,
  ): number {
    const requests = this.#poisson((rate * step) / 1_000);
    const effect = effects.get(service.name)!;
    const failed = Math.min(requests, this.#poisson(requests * Math.min(1, operation.errorRate + effect.errorRate)));
    const draws = Math.min(DRAWS, requests);
    const latencies = Array.from({ length: draws }, () => this.#latency(service, operation, effects, 0) / 1_000);
    for (const [status, count] of [
      ['200', requests - failed],
      ['500', failed],
    ] as const) {
      const key = `${pod.name} ${operation.name} ${status}`;
      let own = this.#histograms.get(key);
      if (own === undefined) {
        if (count === 0) continue;
        own = { since: this.#started, counts: new Float64Array(BOUNDS.length + 1), sum: 0 };
        this.#histograms.set(key, own);
      }
      for (let i = 0; i < count; i++) {
        const seconds = latencies[i % draws]!;
        own.sum += seconds;
        const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
        own.counts[bucket === -1 ? BOUNDS.length : bucket]!++;
      }
      out.histograms.push({
        pod,
        metric: 'http.server.request.duration',
        unit: 's',
        at,
        since: own.since,
        operation: operation.name,
        status,
        bounds: BOUNDS,
        counts: own.counts.slice(),
        sum: own.sum,
      });
    }
    return draws === 0 ? 0 : rate * (latencies.reduce((a, b) => a + b, 0) / draws);
  }

  /** Time of one request with everything below it, ms. */
  #latency(service: Service, operation: Operation, effects: ReadonlyMap<string, Effect>, depth: number): number {
    let ms = this.#selfTime(operation, effects.get(service.name)!);
    if (depth < 4) {
      for (const call of operation.calls) {
        if (call.share < 1 && this.#rng.next() > call.share) continue;
        const callee = serviceNamed(call.service);
        ms +=
          this.#network() +
          this.#latency(callee, callee.operations.find((o) => o.name === call.operation)!, effects, depth + 1);
      }
    }
    return ms;
  }

  #trace(at: number, effects: ReadonlyMap<string, Effect>, out: Telemetry): void {
    const pick = this.#rng.next();
    let sum = 0;
    const entry =
      ENTRY.find((candidate) => {
        sum += candidate.share;
        return pick < sum;
      }) ?? ENTRY[0]!;
    const frontend = SHOP[0]!;
    this.#span(
      frontend,
      frontend.operations.find((o) => o.name === entry.operation)!,
      at,
      this.#bytes(16),
      null,
      effects,
      out,
    );
  }

  /** One server span with all below it; returns its end and whether it failed. */
  #span(
    service: Service,
    operation: Operation,
    start: number,
    traceId: Uint8Array,
    parentId: Uint8Array | null,
    effects: ReadonlyMap<string, Effect>,
    out: Telemetry,
  ): { end: number; error: boolean } {
    const effect = effects.get(service.name)!;
    const pods = this.#pods.get(service.name)!;
    const pod = pods[Math.floor(this.#rng.next() * pods.length)]!;
    const spanId = this.#bytes(8);
    const own = this.#selfTime(operation, effect);
    let at = start + own * 0.4;
    let error = this.#rng.next() < operation.errorRate + effect.errorRate;
    for (const call of operation.calls) {
      if (call.share < 1 && this.#rng.next() > call.share) continue;
      const callee = serviceNamed(call.service);
      const target = callee.operations.find((o) => o.name === call.operation)!;
      const clientId = this.#bytes(8);
      const network = this.#network();
      const silent = effects.get(callee.name)!.silent;
      const below = silent
        ? { end: at + 1_000, error: true }
        : this.#span(callee, target, at + network / 2, traceId, clientId, effects, out);
      const end = below.end + network / 2;
      out.spans.push({
        pod,
        traceId,
        spanId: clientId,
        parentId: spanId,
        name: `${callee.name}/${target.name}`,
        kind: CLIENT,
        start: at,
        end,
        error: below.error,
      });
      if (silent && out.logs.length < 400)
        out.logs.push({
          pod,
          at: end,
          severity: 17,
          body: `call to ${callee.name} failed: deadline exceeded after ${Math.round(end - at)}ms`,
          traceId,
        });
      if (
        below.error &&
        (callee.name === 'payments' || callee.name === 'checkout' || callee.name === 'catalog' || silent)
      )
        error = true;
      at = end;
    }
    const end = at + own * 0.6;
    out.spans.push({ pod, traceId, spanId, parentId, name: operation.name, kind: SERVER, start, end, error });
    this.#log(service, pod, effect, end, traceId, error, out);
    return { end, error };
  }

  #log(
    service: Service,
    pod: Pod,
    effect: Effect,
    at: number,
    traceId: Uint8Array,
    error: boolean,
    out: Telemetry,
  ): void {
    const line = service.logs[Math.floor(this.#rng.next() * service.logs.length)]!;
    out.logs.push({ pod, at, severity: 9, body: this.#fill(line), traceId });
    if (effect.errorLogs.length > 0 && (error || this.#rng.next() < 0.25)) {
      const strange = effect.errorLogs[Math.floor(this.#rng.next() * effect.errorLogs.length)]!;
      out.logs.push({ pod, at, severity: error ? 17 : 13, body: this.#fill(strange), traceId });
    } else if (error)
      out.logs.push({
        pod,
        at,
        severity: 17,
        body: this.#fill('request {} failed: upstream returned status 500'),
        traceId,
      });
  }

  #selfTime(operation: Operation, effect: Effect): number {
    return operation.selfMs * Math.exp(operation.sigma * this.#rng.normal()) * effect.selfTime;
  }

  #network(): number {
    return 0.4 + 0.5 * this.#rng.next();
  }

  #memoryOf(pod: Pod, service: Service): number {
    const before = this.#memory.get(pod.name) ?? service.memoryMb;
    const next = before + 0.08 * (service.memoryMb - before) + service.memoryMb * 0.01 * this.#rng.normal();
    this.#memory.set(pod.name, next);
    return next;
  }

  #fill(line: string): string {
    return line.replaceAll('{}', () => String(1 + Math.floor(this.#rng.next() * 9_999)));
  }

  #poisson(mean: number): number {
    if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.#rng.normal()));
    const limit = Math.exp(-mean);
    let n = 0;
    for (let product = this.#rng.next(); product > limit; product *= this.#rng.next()) n++;
    return n;
  }

  #bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.#rng.int(256);
    return out;
  }

  #hex(bytes: number): string {
    return Buffer.from(this.#bytes(bytes)).toString('hex');
  }
}

/** Requests a second by "service operation" for a load at the front door. */
function requestRates(front: number): Map<string, number> {
  const rates = new Map<string, number>();
  const visit = (service: Service, operation: Operation, rate: number): void => {
    const key = `${service.name} ${operation.name}`;
    rates.set(key, (rates.get(key) ?? 0) + rate);
    for (const call of operation.calls) {
      const callee = serviceNamed(call.service);
      visit(callee, callee.operations.find((o) => o.name === call.operation)!, rate * call.share);
    }
  };
  const frontend = SHOP[0]!;
  for (const { operation, share } of ENTRY)
    visit(frontend, frontend.operations.find((o) => o.name === operation)!, front * share);
  return rates;
}
