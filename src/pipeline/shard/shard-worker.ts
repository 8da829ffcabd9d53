import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { TocsinError } from '../../domain/error.ts';
import { createIngestServers } from '../../ingest/servers.ts';
import { listenFault } from '../listen-fault.ts';
import { DurableShard } from './durable-shard.ts';
import { ForwardingIntake } from './forwarding-intake.ts';
import type { FromShard, ShardWorkerData, ToShard } from './worker-messages.ts';

/** One shard thread: listeners, log, engine. Talks to the main thread in `worker-messages.ts`. */
const TICK_MS = 250;
const STATS_MS = 1_000;
/** Between two pieces of a snapshot: what came in meanwhile goes first. */
const PIECE_MS = 2;

const port = parentPort as MessagePort;
const data = workerData as ShardWorkerData;
const { settings, shard, shards, peers } = data;
const clock = { now: () => Date.now() };
const send = (message: FromShard, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

let lastWarning = '';

async function run(): Promise<void> {
  const durable = await DurableShard.open({
    shard,
    shards,
    settings,
    clock,
    emit: (report) =>
      send(
        { type: 'report', report },
        report.windows.length > 0
          ? Object.values(report.windows).flatMap((column) =>
              typeof column === 'number' ? [] : [(column as Float64Array<ArrayBuffer>).buffer],
            )
          : [],
      ),
    onWarning: (message) => send({ type: 'warning', message }),
    onReplay: (share) => send({ type: 'replay', share }),
  });
  const intake = shards === 1 ? durable : new ForwardingIntake(durable, shard, shards, peers);
  const { ingest } = settings;
  const servers = createIngestServers({
    intake,
    http: ingest.http,
    grpc: ingest.grpc,
    limits: { maxBodyBytes: ingest.max_body, maxInflatedBytes: ingest.max_inflated },
    ...(ingest.tenant_header === '' ? {} : { tenantHeader: ingest.tenant_header.toLowerCase() }),
    ...(ingest.bearer_token === '' ? {} : { bearerTokens: [{ token: ingest.bearer_token }] }),
    reusePort: shards > 1,
  });
  const { httpAddress, grpcAddress } = await servers.start().catch((error: unknown) => {
    const onHttp = (error as { port?: number }).port === ingest.http?.port;
    throw onHttp ? listenFault(error, 'ingest.http', ingest.http) : listenFault(error, 'ingest.grpc', ingest.grpc);
  });
  let isSaving = false;
  const save = (): void => {
    isSaving = false;
    guard(() => {
      isSaving = durable.continueSnapshot();
    });
    if (isSaving) setTimeout(save, PIECE_MS);
  };
  const ticking = setInterval(() => {
    guard(() => durable.tick());
    if (!isSaving) save();
  }, TICK_MS);
  const reporting = setInterval(
    () => send({ type: 'stats', stats: durable.stats(), ingest: servers.counters }),
    STATS_MS,
  );
  send({ type: 'ready', http: httpAddress, grpc: grpcAddress });

  port.on('message', (message: ToShard) => {
    switch (message.type) {
      case 'acknowledge':
        durable.acknowledge(message.sequence);
        break;
      case 'hash':
        send({ type: 'hash', id: message.id, hash: durable.stateHash() });
        break;
      case 'drain':
        void servers.stop().then(() => send({ type: 'drained' }), fail);
        break;
      case 'stop':
        void stop().catch(fail);
        break;
    }
  });

  async function stop(): Promise<void> {
    await servers.stop();
    clearInterval(ticking);
    clearInterval(reporting);
    // What is on its way to the correlator is acknowledged before the last snapshot, so that the next start is quick.
    for (let i = 0; i < 40 && !durable.settled; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    guard(() => durable.close());
    send({ type: 'stopped' });
    port.close();
  }
}

function guard(work: () => void): void {
  try {
    work();
    lastWarning = '';
  } catch (error) {
    // A full disk passes; requests are refused with a delay meanwhile. Anything else is the end of this process.
    if (!(error instanceof TocsinError) || !error.retryable) fail(error);
    else if (error.message !== lastWarning) {
      lastWarning = error.message;
      send({ type: 'warning', message: error.message });
    }
  }
}

function fail(error: unknown): void {
  if (error instanceof TocsinError) send({ type: 'failed', code: error.code, message: error.message });
  else send({ type: 'failed', code: null, message: (error as Error).stack ?? String(error) });
}

run().catch(fail);
