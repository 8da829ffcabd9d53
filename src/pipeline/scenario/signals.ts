import { type EpochMs, MINUTE, SECOND } from '../../domain/units.ts';
import { createRng, type Rng } from '../../stats/rng.ts';
import type { Call, Scenario, Span } from './schema.ts';
import type { Timeline } from './timeline.ts';
import { poisson } from './values.ts';

const SERVER = 2;
const CLIENT = 3;
/** What a call spends on the wire. */
const NETWORK_MS = 0.5;

const inside = (span: Span, offset: number): boolean => offset >= span.from && offset < span.to;

/** Each signal draws from a sequence of its own, so that adding one changes no other. */
const rngOf = (seed: number, kind: number, index: number, instance = 0): Rng =>
  createRng(seed + 1_000_003 * kind + 7_919 * index + 104_729 * instance);

/** Writes the series out as samples. */
export function playSeries(scenario: Scenario, timeline: Timeline): void {
  scenario.series.forEach((series, index) => {
    const every = series.every ?? scenario.interval;
    const first = timeline.start + series.from;
    series.instances.forEach((instance, i) => {
      series.values.expand(first, every, rngOf(scenario.seed, 1, index, i)).forEach((sample, k) => {
        if (sample === null) return;
        const sent = first + k * every;
        const how = series.delivery.find((delivery) => inside(delivery.during, sent - timeline.start));
        const record = {
          sender: timeline.sender(series.service, instance, sent),
          metric: series.metric,
          unit: series.unit,
          kind: series.kind,
          labels: series.labels,
          at: sent + (how?.ahead ?? 0),
          value: sample === 'stale' ? Number.NaN : sample,
          stale: sample === 'stale',
        };
        timeline.metric(record, sent + (how?.delay ?? 0));
        if (how?.twice === true) timeline.metric(record, sent + (how?.delay ?? 0) + scenario.interval);
      });
    });
  });
}

/** Moments of a Poisson process with a rate that changes; drawn step by step so that a change moves nothing before it. */
function* moments(from: EpochMs, to: EpochMs, perMs: (at: EpochMs) => number, rng: Rng): Generator<EpochMs> {
  for (let at = from; at < to; at += SECOND) {
    const step = Math.min(SECOND, to - at);
    for (let n = poisson(perMs(at) * step, rng); n > 0; n--) yield at + rng.next() * step;
  }
}

/** `{int}`, `{hex}` and `{ip}` of a body become something new in each line. */
function fill(body: string, rng: Rng): string {
  return body
    .replaceAll('{int}', () => String(1 + rng.int(9_999)))
    .replaceAll('{hex}', () => rng.int(0x7fffffff).toString(16).padStart(8, '0'))
    .replaceAll('{ip}', () => `10.${rng.int(4)}.${rng.int(256)}.${1 + rng.int(254)}`);
}

/** Writes the logs out as records. @param end offset at which open spans of time end. */
export function playLogs(scenario: Scenario, timeline: Timeline, end: number): void {
  scenario.logs.forEach((log, index) => {
    const rng = rngOf(scenario.seed, 2, index);
    const rate = (at: EpochMs): number =>
      (log.changes.find((change) => inside(change.during, at - timeline.start))?.per_minute ?? log.per_minute) / MINUTE;
    for (const at of moments(
      timeline.start + log.during.from,
      timeline.start + Math.min(end, log.during.to),
      rate,
      rng,
    )) {
      const instance = log.instances[rng.int(log.instances.length)]!;
      timeline.log({
        sender: timeline.sender(log.service, instance, at),
        at,
        severity: log.severity,
        body: fill(log.body, rng),
        traceId: null,
      });
    }
  });
}

/** Writes the call trees out as spans, one trace a call from outside. @param end offset at which open spans of time end. */
export function playCalls(scenario: Scenario, timeline: Timeline, end: number): void {
  scenario.calls.forEach((flow, index) => {
    const rng = rngOf(scenario.seed, 3, index);
    const rate = (at: EpochMs): number =>
      (flow.rates.find((change) => inside(change.during, at - timeline.start))?.per_second ?? flow.per_second) / SECOND;
    for (const at of moments(
      timeline.start + flow.during.from,
      timeline.start + Math.min(end, flow.during.to),
      rate,
      rng,
    )) {
      const now = flow.changes.filter((change) => inside(change.during, at - timeline.start));
      playCall(timeline, flow.root, at, random(16, rng), null, now, rng);
    }
  });
}

type Changes = Scenario['calls'][number]['changes'];

function playCall(
  timeline: Timeline,
  call: Call,
  start: EpochMs,
  traceId: Uint8Array,
  parentId: Uint8Array | null,
  now: Changes,
  rng: Rng,
): { end: EpochMs; error: boolean } {
  const changes = now.filter(
    (change) =>
      change.service === call.service && (change.operation === undefined || change.operation === call.operation),
  );
  const instance = call.instances[rng.int(call.instances.length)]!;
  const sender = timeline.sender(call.service, instance, start);
  const spanId = random(8, rng);
  const own = changes.reduce((ms, change) => ms * change.slower, call.self * Math.exp(call.spread * rng.normal()));
  let error =
    rng.next() <
    Math.min(
      1,
      changes.reduce((sum, change) => sum + change.errors, call.errors),
    );
  const failedHere = error;
  let at = start + own * 0.4;
  for (const below of call.calls) {
    if (rng.next() >= below.share) continue;
    const clientId = random(8, rng);
    const answer = timeline.silent(below.service, '', at)
      ? { end: at + SECOND, error: true }
      : playCall(timeline, below, at + NETWORK_MS / 2, traceId, clientId, now, rng);
    const end = answer.end + NETWORK_MS / 2;
    timeline.span({
      sender,
      traceId,
      spanId: clientId,
      parentId: spanId,
      name: `${below.service}/${below.operation}`,
      kind: CLIENT,
      start: at,
      end,
      error: answer.error,
    });
    error ||= answer.error;
    at = end;
  }
  const end = at + own * 0.6;
  timeline.span({ sender, traceId, spanId, parentId, name: call.operation, kind: SERVER, start, end, error });
  for (const change of changes)
    if (change.log !== undefined && failedHere)
      timeline.log({ sender, at: end, severity: 17, body: fill(change.log, rng), traceId });
  return { end, error };
}

function random(length: number, rng: Rng): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = rng.int(256);
  return out;
}
