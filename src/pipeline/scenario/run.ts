import type { Incident } from '../../domain/incident.ts';
import type { Notification } from '../../domain/ports.ts';
import { type EpochMs, SECOND } from '../../domain/units.ts';
import { EmbeddedPipeline } from '../embedded.ts';
import type { ShardStats } from '../engine/shard-engine.ts';
import type { FileSignals } from './files.ts';
import { readFiles } from './files.ts';
import type { LoadedScenario } from './load.ts';
import type { Scenario } from './schema.ts';
import { playCalls, playLogs, playSeries } from './signals.ts';
import { STEP, Timeline } from './timeline.ts';

/** A Monday. */
const DEFAULT_START = Date.UTC(2026, 0, 5);
/** The receiver of a scenario that configures none. */
export const DEFAULT_RECEIVER = 'default';
/** Past the end of the last tick, so that its grace is over. */
const LAST_GRACE = 5 * SECOND;

/** An incident began to bother people: opened, or opened again. */
export interface Opening {
  readonly incident: string;
  readonly at: EpochMs;
  readonly reopened: boolean;
}

export interface Told {
  readonly at: EpochMs;
  readonly notification: Notification;
}

/** All that happened in a scenario. */
export interface Outcome {
  readonly start: EpochMs;
  readonly end: EpochMs;
  /** As they stand at the end, in order of opening. */
  readonly incidents: readonly Incident[];
  readonly openings: readonly Opening[];
  readonly notifications: readonly Told[];
  readonly stats: ShardStats;
}

/**
 * Plays a scenario in virtual time through the pipeline that serves, as OTLP bodies through the real decoders.
 * Deterministic: no clock, no chance but the scenario's seed.
 * @throws ConfigError for files it names that cannot be read.
 */
export function runScenario(loaded: LoadedScenario): Outcome {
  const { scenario } = loaded;
  const { start, until, timeline } = signalsOf(loaded);
  const configured = scenario.config.receivers.map((receiver) => receiver.name);
  const receivers = configured.length > 0 ? configured : [DEFAULT_RECEIVER];
  const openings: Opening[] = [];
  const notifications: Told[] = [];
  const times = new Map<string, number>();
  const pipeline = new EmbeddedPipeline({
    settings: scenario.config,
    receivers,
    route: { ...scenario.config.route, receivers: configured.length > 0 ? scenario.config.route.receivers : receivers },
    onStep: (report, step) => {
      for (const incident of step.incidents) {
        const before = times.get(incident.id);
        if (before === undefined || incident.reopenedCount > before)
          openings.push({
            incident: incident.id,
            at: before === undefined ? incident.openedAt : report.at,
            reopened: before !== undefined,
          });
        times.set(incident.id, incident.reopenedCount);
      }
      for (const entry of step.outbox)
        notifications.push({ at: entry.createdAt, notification: entry.payload as Notification });
    },
  });
  for (let at = Math.ceil(start / STEP) * STEP; at <= until; at += STEP) {
    pipeline.passTime(at);
    for (const { signal, format, body } of timeline.requests(at)) pipeline.accept(signal, format, body, at);
  }
  pipeline.passTime(until + LAST_GRACE);
  return { start, end: until, incidents: pipeline.incidents(), openings, notifications, stats: pipeline.stats() };
}

/** The requests of a scenario, from its start to its end, ready to be sent. @throws ConfigError as `runScenario`. */
export function signalsOf(loaded: LoadedScenario): {
  readonly start: EpochMs;
  readonly until: EpochMs;
  readonly timeline: Timeline;
} {
  const { scenario } = loaded;
  const files = readFiles(loaded);
  const start = scenario.start ?? (Number.isFinite(files.first) ? files.first : DEFAULT_START);
  const timeline = new Timeline(scenario, start);
  return { start, until: play(scenario, timeline, files), timeline };
}

/** Fills the timeline; returns the end of the scenario. */
function play(scenario: Scenario, timeline: Timeline, files: FileSignals): EpochMs {
  playSeries(scenario, timeline);
  for (const { source, at, metric, value } of files.samples) {
    const csv = scenario.csv[source]!;
    const sender = timeline.sender(csv.service, csv.instances[0]!, at);
    timeline.metric({ sender, metric, unit: '', kind: 'gauge', labels: csv.labels, at, value, stale: false }, at);
  }
  for (const request of files.requests) timeline.recorded(request);
  const bounds = [...scenario.logs.map((log) => log.during.to), ...scenario.calls.map((call) => call.during.to)].filter(
    Number.isFinite,
  );
  const end = scenario.until ?? Math.max(timeline.end - timeline.start, ...bounds);
  playLogs(scenario, timeline, end);
  playCalls(scenario, timeline, end);
  return Math.ceil((timeline.start + end) / STEP) * STEP;
}
