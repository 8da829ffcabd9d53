import type { Incident } from '../../src/domain/incident.ts';
import type { MultimodalSet } from '../data/multimodal.ts';
import type { SeenIncident } from '../scorers/faults.ts';
import type { Engine } from './engine.ts';
import { sleep } from './engine.ts';
import type { GaugeRecord, LogRecord, SpanRecord } from './otlp-encode.ts';
import { encodeGauges, encodeLogs, encodeSpans } from './otlp-encode.ts';

export interface ReplayOptions {
  /** Event seconds per wall second; Infinity sends as fast as the engine takes it. */
  readonly speed: number;
  /** Event time per request, ms. */
  readonly step: number;
  /** Wall time now, ms: the stream is shifted so that it ends here. */
  readonly now: number;
  readonly signals: ReadonlySet<'metrics' | 'logs' | 'traces'>;
  readonly progress: (line: string) => void;
}

export interface ReplayResult {
  readonly incidents: readonly SeenIncident[];
  /** As the API gave them at the end, for looking at. */
  readonly final: readonly Incident[];
  readonly records: number;
  readonly wallSeconds: number;
  /** Largest time from an incident's `openedAt` to the event time at which it could be read, ms; in faulty hours. */
  readonly largestLag: number;
}

interface Slice {
  readonly gauges: GaugeRecord[];
  readonly spans: SpanRecord[];
  readonly logs: LogRecord[];
}

/** Records by the step of event time in which they would have been sent: a span when it ends. */
function slices(set: MultimodalSet, step: number, signals: ReplayOptions['signals']): Map<number, Slice> {
  const out = new Map<number, Slice>();
  const at = (ms: number): Slice => {
    const key = Math.floor(ms / step);
    let slice = out.get(key);
    if (slice === undefined) {
      slice = { gauges: [], spans: [], logs: [] };
      out.set(key, slice);
    }
    return slice;
  };
  if (signals.has('metrics')) for (const gauge of set.gauges) at(gauge.at).gauges.push(gauge);
  if (signals.has('traces')) for (const span of set.spans) at(Number(span.end / 1_000_000n)).spans.push(span);
  if (signals.has('logs')) for (const log of set.logs) at(Number(log.at / 1_000_000n)).logs.push(log);
  return out;
}

const RANK_DELAY = 180_000;
/** Waiting through hours without data teaches nothing: at most this much wall time per silence. */
const LONGEST_WAIT = 2_000;

/** Sends a set as OTLP in event-time order and watches the incidents as they come. */
export async function replay(set: MultimodalSet, engine: Engine, options: ReplayOptions): Promise<ReplayResult> {
  const byStep = slices(set, options.step, options.signals);
  const keys = [...byStep.keys()].sort((a, b) => a - b);
  const end = (keys.at(-1)! + 1) * options.step;
  const shift = Math.floor((options.now - end) / 60_000) * 60_000;
  const watch = createWatch(engine, keys[0]! * options.step + shift, shift);
  const started = Date.now();
  let wallTarget = started;
  let records = 0;
  let lastPollWall = 0;
  let nextPoll = 0;
  let wasBusy = false;
  let lastHour = -1;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    const slice = byStep.get(key)!;
    const eventEnd = (key + 1) * options.step;
    if (Number.isFinite(options.speed) && i > 0) {
      wallTarget += Math.min(LONGEST_WAIT, ((key - keys[i - 1]!) * options.step) / options.speed);
      const wait = wallTarget - Date.now();
      if (wait > 1) await sleep(wait);
    }
    slice.gauges.sort((a, b) => a.at - b.at);
    slice.logs.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    slice.spans.sort((a, b) => (a.end < b.end ? -1 : a.end > b.end ? 1 : 0));
    if (slice.gauges.length > 0) await engine.send('metrics', encodeGauges(slice.gauges, shift), eventEnd + shift);
    if (slice.logs.length > 0) await engine.send('logs', encodeLogs(slice.logs, shift), eventEnd + shift);
    if (slice.spans.length > 0) await engine.send('traces', encodeSpans(slice.spans, shift), eventEnd + shift);
    records += slice.gauges.length + slice.logs.length + slice.spans.length;
    byStep.delete(key);
    const busy = set.faulty.some(([a, b]) => eventEnd >= a && eventEnd < b) || watch.waiting();
    const silenceFollows = i + 1 < keys.length && (keys[i + 1]! - key) * options.step > 300_000;
    const wallDue = !Number.isFinite(options.speed) || Date.now() - lastPollWall > 400;
    if ((eventEnd >= nextPoll && wallDue) || silenceFollows) {
      await engine.flush(eventEnd + shift);
      await watch.poll(eventEnd, wasBusy);
      wasBusy = busy;
      nextPoll = eventEnd + (busy ? options.step : 300_000);
      lastPollWall = Date.now();
    }
    const hour = Math.floor(eventEnd / 3_600_000);
    if (hour !== lastHour) {
      lastHour = hour;
      options.progress(
        `  ${new Date(hour * 3_600_000).toISOString().slice(0, 13)}h  ${records} records, ${watch.seen().length} incidents`,
      );
    }
  }
  await engine.flush(end + shift);
  await watch.poll(end, false);
  return {
    incidents: watch.seen(),
    final: watch.final(),
    records,
    wallSeconds: (Date.now() - started) / 1000,
    largestLag: watch.largestLag(),
  };
}

interface Watch {
  /** `close`: the poll before was one step ago, so that a lag can be told from our own slackness. */
  poll(eventTime: number, close: boolean): Promise<void>;
  /** True while some incident's ranking at +180 s is still to be read. */
  waiting(): boolean;
  seen(): SeenIncident[];
  final(): readonly Incident[];
  largestLag(): number;
}

function createWatch(engine: Engine, from: number, shift: number): Watch {
  const seen = new Map<
    string,
    { id: string; openedAt: number; atOpening: string[]; later: string[]; settled: boolean }
  >();
  let last: readonly Incident[] = [];
  let lag = 0;
  const ranking = (incident: Incident): string[] =>
    incident.causes.length > 0 ? incident.causes.map((cause) => cause.service) : [...incident.services];
  return {
    async poll(eventTime, close) {
      last = await engine.incidents(from);
      for (const incident of last) {
        const openedAt = incident.openedAt - shift;
        const known = seen.get(incident.id);
        if (known === undefined) {
          if (close) lag = Math.max(lag, eventTime - openedAt);
          seen.set(incident.id, {
            id: incident.id,
            openedAt,
            atOpening: ranking(incident),
            later: ranking(incident),
            settled: false,
          });
        } else if (!known.settled) {
          known.later = ranking(incident);
        }
        const entry = seen.get(incident.id)!;
        if (eventTime >= entry.openedAt + RANK_DELAY) entry.settled = true;
      }
    },
    waiting: () => [...seen.values()].some((entry) => !entry.settled),
    seen: () => [...seen.values()],
    final: () => last,
    largestLag: () => lag,
  };
}
