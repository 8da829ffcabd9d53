import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createIngestServers } from '../ingest/servers.ts';
import { DurableShard } from './durable-shard.ts';
import { ForwardingIntake } from './forwarding-intake.ts';
import type { FromShard, ShardWorkerData, ToShard } from './worker-messages.ts';

/** One shard thread: listeners, log, engine. Talks to the main thread in `worker-messages.ts`. */
const TICK_MS = 250;
const STATS_MS = 1_000;

const port = parentPort as MessagePort;
const data = workerData as ShardWorkerData;
const { settings, shard, shards, peers } = data;
const clock = { now: () => Date.now() };
const send = (message: FromShard, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

async function run(): Promise<void> {
  const durable = await DurableShard.open({
    shard,
    settings,
    clock,
    emit: (report) => send({ type: 'report', report }, report.windows.length > 0 ? Object.values(report.windows).flatMap((column) => (typeof column === 'number' ? [] : [(column as Float64Array<ArrayBuffer>).buffer])) : []),
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
  const { httpAddress, grpcAddress } = await servers.start();
  const ticking = setInterval(() => guard(() => durable.tick()), TICK_MS);
  const reporting = setInterval(() => send({ type: 'stats', stats: durable.stats(), ingest: servers.counters }), STATS_MS);
  send({ type: 'ready', http: httpAddress, grpc: grpcAddress });

  port.on('message', (message: ToShard) => {
    switch (message.type) {
      case 'acknowledge':
        durable.acknowledge(message.sequence);
        break;
      case 'hash':
        send({ type: 'hash', id: message.id, hash: durable.stateHash() });
        break;
      case 'stop':
        void stop();
        break;
    }
  });

  async function stop(): Promise<void> {
    await servers.stop();
    clearInterval(ticking);
    clearInterval(reporting);
    // What is on its way to the correlator is acknowledged before the last snapshot, so that the next start is quick.
    for (let i = 0; i < 40 && !durable.settled; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    durable.close();
    send({ type: 'stopped' });
    port.close();
  }
}

function guard(work: () => void): void {
  try {
    work();
  } catch (error) {
    send({ type: 'failed', message: (error as Error).stack ?? String(error) });
  }
}

run().catch((error: unknown) => send({ type: 'failed', message: (error as Error).stack ?? String(error) }));
