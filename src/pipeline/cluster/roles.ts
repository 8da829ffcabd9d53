import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '../../bus/bus.ts';
import { KafkaBus } from '../../bus/kafka/kafka-bus.ts';
import { registerSchemas } from '../../bus/registry/schemas.ts';
import { topicNames, topicSpecs } from '../../bus/topics.ts';
import type { SnapshotStore } from '../../domain/ports.ts';
import { DEFAULT_TENANT } from '../../domain/units.ts';
import { createIngestServers } from '../../ingest/servers.ts';
import { FileSnapshotStore } from '../../store/snapshot/file-snapshot-store.ts';
import { listenFault } from '../listen-fault.ts';
import { type ProgramOptions, startProgram } from '../program.ts';
import type { Settings } from '../settings.ts';
import { createAdminServer } from './admin-server.ts';
import { BusReports, lead } from './bus-reports.ts';
import { BusSnapshots } from './bus-snapshots.ts';
import { CollectorInput } from './collector-input.ts';
import { Detector } from './detector.ts';
import { GatewayIntake } from './gateway-intake.ts';

/** What a process of a cluster may do; any mix. The correlator has stores, API and page. */
export const ROLES = ['gateway', 'detector', 'correlator'] as const;
export type Role = (typeof ROLES)[number];

const HEARTBEAT_MS = 500;
/** A worker that is being replaced holds the others up at most this long. */
const PATIENCE_MS = 15_000;

export interface RolesOptions extends Omit<ProgramOptions, 'cluster'> {
  readonly roles: readonly Role[];
  /** For tests: another bus than the one of the configuration. */
  readonly bus?: Bus;
  readonly onStandby?: () => void;
}

export interface RunningRoles {
  readonly addresses: { readonly api: string | null; readonly http: string | null; readonly grpc: string | null };
  readonly detector: Detector | null;
  readonly gateway: GatewayIntake | null;
  stop(): Promise<void>;
}

/** Starts the roles of this process on the bus of the configuration. */
export async function startRoles(options: RolesOptions): Promise<RunningRoles> {
  const { roles, clock, log } = options;
  const settings = options.loaded.config;
  const bus = options.bus ?? openBus(settings);
  const stops: (() => unknown)[] = [];
  const failed = (message: string): void => {
    log.fatal({ message }, 'this process cannot go on');
    options.onFailure(message);
  };
  try {
    const topics = topicNames(settings.bus.topic_prefix);
    await bus.ensureTopics(topicSpecs(topics, settings.bus.partitions, settings.bus.retention));
    const schemas = await registerSchemas(settings.bus.schema_registry, topics);
    let detector: Detector | null = null;
    if (roles.includes('detector')) {
      const snapshots: SnapshotStore =
        settings.bus.snapshots === 'files'
          ? new FileSnapshotStore(join(settings.data_dir, 'snapshots'), (message) => log.warn(message))
          : new BusSnapshots(bus, topics.state, join(settings.data_dir, `scratch-${randomUUID().slice(0, 8)}`));
      detector = await Detector.start({
        bus,
        topics,
        settings,
        clock,
        snapshots,
        schemas,
        onWarning: (message) => log.warn(message),
        onFailure: (error) => failed(error.stack ?? error.message),
      });
      stops.unshift(() => detector!.stop());
    }
    const gateway = roles.includes('gateway')
      ? await startGateway(bus, topics.signals, schemas.signals.headers, options, stops)
      : null;
    let api: string | null = null;
    if (roles.includes('correlator')) {
      options.onStandby?.();
      const leadership = await lead(bus, topics);
      const program = await startProgram({
        ...options,
        cluster: {
          partitions: settings.bus.partitions,
          patience: PATIENCE_MS,
          source: (handlers) => new BusReports({ bus, topics, leadership, ...handlers }),
        },
      });
      api = program.addresses.api;
      stops.push(() => program.stop());
    } else {
      const admin = await createAdminServer(options.version, settings.api.listen, () => ({
        detector,
        gateway: gateway?.intake ?? null,
      }));
      api = admin.address;
      stops.push(() => admin.close());
    }
    let stopping: Promise<void> | null = null;
    const stop = async (): Promise<void> => {
      for (const step of stops) await step();
      await bus.close();
    };
    return {
      addresses: { api, http: gateway?.http ?? null, grpc: gateway?.grpc ?? null },
      detector,
      gateway: gateway?.intake ?? null,
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    for (const step of stops) await Promise.resolve(step()).catch(() => undefined);
    await bus.close().catch(() => undefined);
    throw error;
  }
}

async function startGateway(
  bus: Bus,
  topic: string,
  headers: Readonly<Record<string, string>>,
  options: RolesOptions,
  stops: (() => unknown)[],
): Promise<{ readonly intake: GatewayIntake; readonly http: string | null; readonly grpc: string | null }> {
  const { clock, log } = options;
  const settings = options.loaded.config;
  const { ingest } = settings;
  const intake = new GatewayIntake({
    bus,
    topic,
    partitions: settings.bus.partitions,
    clock,
    maxSeriesPerTenant: ingest.max_series_per_tenant,
    maxFuture: ingest.event_time.max_future,
    headers,
  });
  const servers = createIngestServers({
    intake,
    http: ingest.http,
    grpc: ingest.grpc,
    limits: { maxBodyBytes: ingest.max_body, maxInflatedBytes: ingest.max_inflated },
    ...(ingest.tenant_header === '' ? {} : { tenantHeader: ingest.tenant_header.toLowerCase() }),
    ...(ingest.bearer_token === '' ? {} : { bearerTokens: [{ token: ingest.bearer_token }] }),
    reusePort: false,
  });
  const { httpAddress, grpcAddress } = await servers.start().catch((error: unknown) => {
    const onHttp = (error as { port?: number }).port === ingest.http?.port;
    throw onHttp ? listenFault(error, 'ingest.http', ingest.http) : listenFault(error, 'ingest.grpc', ingest.grpc);
  });
  const beating = setInterval(
    () =>
      void intake.heartbeat().catch((error: unknown) => log.warn({ error: String(error) }, 'a heartbeat was not sent')),
    HEARTBEAT_MS,
  );
  const inputs = await collectorInputs(bus, intake, options);
  stops.unshift(async () => {
    for (const input of inputs) await input.stop();
    await servers.stop();
    clearInterval(beating);
    await intake.close();
  });
  const url = (address: { readonly host: string; readonly port: number } | null): string | null =>
    address === null ? null : `http://${address.host}:${address.port}`;
  return { intake, http: url(httpAddress), grpc: url(grpcAddress) };
}

/** Topics that a Collector writes, read as if they were sent to us. */
async function collectorInputs(
  bus: Bus,
  intake: GatewayIntake,
  { loaded, log, onFailure }: RolesOptions,
): Promise<readonly CollectorInput[]> {
  const { collector, topic_prefix } = loaded.config.bus;
  const { dlq } = topicNames(topic_prefix);
  const producer = bus.producer();
  const topics = [
    ['metrics', collector.metrics],
    ['logs', collector.logs],
    ['traces', collector.traces],
  ] as const;
  return Promise.all(
    topics
      .filter(([, topic]) => topic !== '')
      .map(([signal, topic]) =>
        CollectorInput.start({
          bus,
          intake,
          topic,
          signal,
          tenant: DEFAULT_TENANT,
          onUnreadable: async ({ partition, offset, value }, reason) => {
            log.warn({ topic, partition, offset, reason }, 'a record is no OTLP');
            const headers = { reason, topic, partition: String(partition), offset: String(offset) };
            await producer.send([{ topic: dlq, partition: 0, value, headers }]);
          },
          onFailure: (error) => onFailure(error.message),
        }),
      ),
  );
}

/** The bus of the configuration. */
export function openBus({ bus }: Settings, clientId = `tocsin-${hostname()}-${process.pid}`): Bus {
  const { tls, sasl } = bus;
  return new KafkaBus({
    brokers: bus.brokers,
    clientId,
    replicas: bus.replicas,
    tls: tls.on ? { ca: tls.ca, cert: tls.cert, key: tls.key } : null,
    sasl:
      sasl.mechanism === 'none'
        ? null
        : { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password },
    sessionTimeoutMs: bus.session_timeout,
    maxWaitingBytes: bus.max_waiting,
  });
}
