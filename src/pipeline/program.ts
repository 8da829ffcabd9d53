import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Dispatcher } from '../alert/notify/dispatcher.ts';
import { ConfigError, formatFault, type LoadedConfig } from '../config/load.ts';
import type { Incident } from '../domain/incident.ts';
import type { Clock, Notifier } from '../domain/ports.ts';
import type { TickReport } from '../domain/signal/history.ts';
import { HOUR } from '../domain/units.ts';
import type { Logger } from '../observe/log.ts';
import { createMetrics } from '../observe/metrics.ts';
import type { LiveEvent } from '../serve/deps.ts';
import { createApiServer } from '../serve/server.ts';
import { openDataDirectory } from '../store/data-directory/data-directory.ts';
import { DuckDbHistoryStore } from '../store/history/duckdb-history-store.ts';
import { createAlerting } from './alerting/alerting.ts';
import { createDesk, reconcile } from './alerting/desk.ts';
import { createBacktests } from './backtest/jobs.ts';
import { Committer } from './committer.ts';
import { openControlStore } from './control.ts';
import { createCorrelator } from './correlator/create.ts';
import { notificationOf } from './correlator/messages.ts';
import { recording } from './journal/commands.ts';
import { openJournal } from './journal/open.ts';
import { createRecorder } from './journal/recorder.ts';
import { listenFault } from './listen-fault.ts';
import { createLive } from './live.ts';
import { createOversight } from './oversight/oversight.ts';
import { createReceivers } from './receivers.ts';
import { ReportOrder } from './report-order.ts';
import type { ReportSource } from './report-source.ts';
import { budgetView } from './routing/budget.ts';
import { zoneOffset } from './routing/zones.ts';
import { copyFigures, countStep } from './self-metrics.ts';
import type { Settings } from './settings.ts';
import { ShardThreads } from './shard/shard-threads.ts';
import { createTraining } from './training/jobs.ts';
import { createModelDesk } from './training/model-desk.ts';
import { createTriageLoop } from './training/triage-loop.ts';

const SECOND_MS = 1_000;
const EVENT_EVERY_MS = 2_000;
const PRUNE_EVERY_MS = HOUR;

export interface ProgramOptions {
  readonly loaded: LoadedConfig<Settings>;
  readonly version: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Reads and checks the configuration again; throws ConfigError. */
  readonly reread: () => LoadedConfig<Settings>;
  /** Folder of the built page, null to serve the API alone. */
  readonly uiRoot: string | null;
  readonly onReplay?: (share: number) => void;
  readonly onFailure: (message: string) => void;
  /** Set where detectors are processes of their own: reports come from the bus, one shard a partition. */
  readonly cluster?: {
    readonly partitions: number;
    /** How long, in wall time, the reports of one partition may hold the others up. */
    readonly patience: number;
    readonly source: (handlers: {
      readonly onReport: (report: TickReport) => void;
      readonly backlog: () => number;
      readonly onWarning: (message: string) => void;
      readonly onFailure: (message: string) => void;
    }) => ReportSource;
  };
}

export interface Program {
  readonly addresses: { readonly api: string; readonly http: string | null; readonly grpc: string | null };
  /** Drains: refuses new data, finishes what is in flight, saves state. */
  stop(): Promise<void>;
}

/**
 * Starts everything in this process: stores, correlator, API and page, shard threads, dispatcher.
 * @throws TocsinError for what a person can mend (a port in use, a folder that is locked or cannot be written); then nothing
 * is left running or locked.
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const undo: (() => unknown)[] = [];
  try {
    return await start(options, undo);
  } catch (error) {
    for (const close of undo.reverse())
      await Promise.resolve()
        .then(close)
        .catch(() => undefined);
    throw error;
  }
}

/** @param undo gets what must be closed, in order of opening, should a later step fail. */
async function start(options: ProgramOptions, undo: (() => unknown)[]): Promise<Program> {
  const { log, clock, version } = options;
  let loaded = options.loaded;
  const settings = loaded.config;
  const stamp = { modelVersion: `always-on/${version}`, configHash: loaded.hash };
  const metrics = createMetrics(version);
  const data = openDataDirectory(settings.data_dir);
  undo.push(() => data.release());
  const automatic = settings.ingest.shards === 0;
  const shardCount =
    options.cluster?.partitions ??
    data.shards(automatic ? Math.max(1, availableParallelism() - 1) : settings.ingest.shards, automatic);
  const control = openControlStore(settings);
  undo.push(() => control.close());
  await control.migrate();
  const history = await DuckDbHistoryStore.open({
    directory: join(settings.data_dir, 'history'),
    memoryLimit: settings.history.memory,
  });
  undo.push(() => history.close());
  const receivers = createReceivers(settings, clock, control);
  const externalUrl =
    settings.api.external_url !== ''
      ? settings.api.external_url
      : `http://${shownHost(settings.api.listen?.host ?? '127.0.0.1')}:${settings.api.listen?.port ?? 0}`;
  const inner = createCorrelator(settings, stamp, externalUrl);
  const saved = await control.correlatorState();
  if (saved !== null) inner.restore(saved.state);
  const journal = openJournal(settings);
  undo.push(() => journal?.close());
  const recorder =
    journal === null
      ? undefined
      : createRecorder(journal, { stamp, externalUrl, settings, saved, watermark: inner.watermark });
  const correlator = recorder === undefined ? inner : recording(inner, (command) => recorder.command(command));

  await reconcile(control, correlator);
  const alerting = await createAlerting({ control, correlator, clock, settings, zone: zoneOffset, externalUrl });

  const listeners = new Set<(event: LiveEvent) => void>();
  const publish = (event: LiveEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const dispatcher = new Dispatcher(control, receivers.notifiers, clock);
  const dispatch = (): void =>
    void dispatcher.run().catch((error: unknown) => log.error({ error: String(error) }, 'the outbox cannot be read'));
  let ready = false;

  const onReport = (report: TickReport): void => committer.push(order.push(report));
  const shards: ReportSource =
    options.cluster?.source({
      onReport,
      backlog: () => committer.backlog,
      onWarning: (message) => log.warn(message),
      onFailure: (message) => {
        log.fatal({ message }, 'the bus failed');
        options.onFailure(message);
      },
    }) ??
    new ShardThreads({
      settings,
      shards: shardCount,
      onReport,
      onReplay: (_, share) => options.onReplay?.(share),
      onWarning: (shard, message) => log.warn({ shard }, message),
      onFailure: (shard, message) => {
        log.fatal({ shard, message }, 'a shard failed');
        options.onFailure(message);
      },
    });
  const order = new ReportOrder(shardCount, () => clock.now(), options.cluster?.patience);
  const committer = new Committer({
    correlator,
    control,
    history,
    clock,
    stamp,
    ...(recorder === undefined ? {} : { recorder }),
    applied: saved?.applied ?? {},
    onDurable: (shard, sequence) => shards.acknowledge(shard, sequence),
    onIncidents: (ids) =>
      void announce(ids).catch((error: unknown) => log.warn({ error: String(error) }, 'the page was not told')),
    onOutbox: dispatch,
    onStep: (report, step) => {
      countStep(metrics, report, step);
      oversight.observe(report);
    },
    onFailure: (error) => {
      log.fatal({ error: String(error) }, 'results cannot be stored');
      options.onFailure(String(error));
    },
  });

  async function announce(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const incident: Incident | null = await control.incident(id);
      if (incident !== null) publish({ type: 'incident', incident });
    }
  }

  const training = createTraining({ control, directory: settings.data_dir, clock, code: version });
  undo.push(() => training.close());
  const triage = createTriageLoop({
    control,
    correlator,
    training,
    clock,
    onWarning: (message) => log.warn(message),
  });
  const learn = (): void =>
    void triage.tick().catch((error: unknown) => log.warn({ error: String(error) }, 'triage did not go on'));
  await triage.tick();
  await training.resume();
  const oversight = createOversight({
    directory: settings.data_dir,
    control,
    clock,
    onWarning: (message) => log.warn(message),
  });
  undo.push(() => oversight.close());
  const backtests = createBacktests({
    dataDir: settings.data_dir,
    control,
    history,
    clock,
    loaded: () => loaded,
  });
  undo.push(() => backtests.close());
  const live = createLive(correlator, shards.figures, clock);
  const api = await createApiServer({
    control,
    history,
    live,
    clock,
    version,
    alerting,
    backtests,
    drift: oversight.drift,
    noise: oversight.noise,
    models: createModelDesk({ control, artefacts: training.artefacts, clock, training }),
    slackSigningSecret: settings.api.slack_signing_secret,
    events: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    act: createDesk({ control, correlator, committer }),
    budget: () => budgetView(correlator, settings, clock.now()),
    changed: (incident, what) => {
      if (what === 'verdict' && incident.verdict !== null) {
        correlator.verdict(incident.id, incident.verdict);
        triage.verdictGiven();
      }
      publish({ type: 'incident', incident });
    },
    metrics: async () => {
      copyFigures(metrics, shards.figures, dispatcher.counters, correlator, await history.bytes());
      await oversight.copy(metrics);
      return metrics.registry.metrics();
    },
    reload: async () => {
      try {
        loaded = options.reread();
        metrics.configReloadSuccessful.set(1);
        metrics.configReloadTimestamp.set(clock.now() / 1_000);
        return {
          ok: true,
          errors: loaded.hash === stamp.configHash ? [] : ['checked and fine; a restart takes it into use'],
        };
      } catch (error) {
        metrics.configReloadSuccessful.set(0);
        if (error instanceof ConfigError) return { ok: false, errors: error.faults.map(formatFault) };
        throw error;
      }
    },
    ready: () => ready,
    uiRoot: options.uiRoot === null ? null : resolve(options.uiRoot),
    info: () => ({
      configHash: stamp.configHash,
      configPath: loaded.files[0] ?? '',
      otlpGrpcPort: shards.grpc?.port ?? settings.ingest.grpc?.port ?? 0,
      otlpHttpPort: shards.http?.port ?? settings.ingest.http?.port ?? 0,
      remoteWritePort: shards.http?.port ?? settings.ingest.http?.port ?? 0,
    }),
    ...(settings.api.bearer_token === ''
      ? {}
      : { auth: { tokens: [{ token: settings.api.bearer_token, name: 'api' }] } }),
  });
  const listen = settings.api.listen ?? { host: '127.0.0.1', port: 0 };
  const apiUrl = await api.listen({ host: listen.host, port: listen.port }).catch((error: unknown) => {
    throw listenFault(error, 'api.listen', listen);
  });
  undo.push(() => api.close());
  undo.push(() => shards.abandon());
  await shards.start();
  metrics.configReloadSuccessful.set(1);
  metrics.configReloadTimestamp.set(clock.now() / 1_000);
  ready = true;
  dispatch();

  const timers = [
    setInterval(() => {
      live.sample();
      committer.push(order.release());
      void committer.tick();
      learn();
      dispatch();
    }, SECOND_MS),
    setInterval(() => {
      if (listeners.size === 0) return;
      publish({ type: 'health', watermark: correlator.watermark, services: correlator.health() });
      publish({ type: 'tick', at: correlator.watermark, stats: live.stats() });
    }, EVENT_EVERY_MS),
    setInterval(() => void prune(), PRUNE_EVERY_MS),
    ...[...receivers.refresh].map(([name, { every, notifier }]) =>
      setInterval(() => void refresh(name, notifier), every),
    ),
  ];

  async function prune(): Promise<void> {
    const before = clock.now() - settings.history.retention;
    const rows = await control.prune(before);
    const files = (await history.prune(before)) + (journal?.prune(before) ?? 0);
    if (rows + files > 0) log.info({ rows, files }, 'retention');
  }

  /** Tells a receiver that forgets what is still open. Best effort: the outbox has told it before. */
  async function refresh(receiver: string, notifier: Notifier): Promise<void> {
    for (const incident of correlator.toldTo(receiver)) {
      await notifier
        .send(notificationOf(incident, 'reminder', receiver, externalUrl), incident.id, { aborted: false })
        .catch((error: unknown) => log.warn({ receiver, error: String(error) }, 'refresh failed'));
    }
  }

  let stopping: Promise<void> | null = null;
  async function stop(): Promise<void> {
    ready = false;
    for (const timer of timers) clearInterval(timer);
    const draining = shards.stop();
    // Reports still arrive while shards drain; keep making them durable so that their last snapshot covers all.
    const pump = setInterval(() => {
      committer.push(order.drain());
      void committer.flush();
    }, 100);
    await draining;
    clearInterval(pump);
    committer.push(order.drain());
    await committer.drain();
    await shards.abandon();
    await dispatcher.stop();
    await backtests.close();
    await training.close();
    oversight.close();
    await api.close();
    await history.close();
    await journal?.close();
    await control.close();
    data.release();
  }

  const url = (address: { host: string; port: number } | null): string | null =>
    address === null ? null : `http://${shownHost(address.host)}:${address.port}`;
  return {
    addresses: { api: apiUrl.replace('0.0.0.0', '127.0.0.1'), http: url(shards.http), grpc: url(shards.grpc) },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Where a person on this machine reaches a listener. */
const shownHost = (host: string): string =>
  host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
