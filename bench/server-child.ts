import { channel } from 'node:diagnostics_channel';
import { createIngestServers } from '../src/ingest/servers.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';
import { DurableShard } from '../src/pipeline/shard/durable-shard.ts';
import { quantile } from './measure.ts';

/**
 * One shard as served: HTTP listener, inflation, decoding, input log, engine. Started by `load.ts` with a data directory;
 * answers `figures` with CPU time, points taken and the time from a request's headers to its answer, whose scores are done.
 */
const settings = settingsSchema.parse({ data_dir: process.argv[2], ingest: { max_series_per_tenant: 2_000_000 } });
const clock = { now: () => Date.now() };

let shard: DurableShard | undefined;
shard = await DurableShard.open({
  shard: 0,
  settings,
  clock,
  emit: ({ sequence }) => shard?.acknowledge(sequence + 1),
});
const servers = createIngestServers({ intake: shard, http: { host: '127.0.0.1', port: 0 }, grpc: null });
const { httpAddress } = await servers.start();
let isSaving = false;
const save = (): void => {
  isSaving = shard!.continueSnapshot();
  if (isSaving) setTimeout(save, 2);
};
const ticking = setInterval(() => {
  shard!.tick();
  if (!isSaving) save();
}, 250);

const began = new WeakMap<object, number>();
let taken: number[] = [];
channel('http.server.request.start').subscribe((message) =>
  began.set((message as { request: object }).request, performance.now()),
);
channel('http.server.response.finish').subscribe((message) =>
  taken.push(performance.now() - (began.get((message as { request: object }).request) ?? 0)),
);

process.on('message', (message) => {
  if (message === 'stop') {
    clearInterval(ticking);
    void servers.stop().then(() => process.exit(0));
    return;
  }
  const { user, system } = process.cpuUsage();
  const { points, series, duplicates, tooLate, future } = shard!.stats();
  process.send!({
    cpu: (user + system) / 1e6,
    points,
    series,
    refused: duplicates + tooLate + future,
    p50: quantile(taken, 0.5),
    p99: quantile(taken, 0.99),
    requests: taken.length,
  });
  taken = [];
});
process.send!({ port: httpAddress!.port });
