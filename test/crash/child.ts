import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { TocsinError } from '../../src/domain/error.ts';
import type { DurableShard as Shard } from '../../src/pipeline/shard/durable-shard.ts';
import type { ChildArguments, FromChild, ToChild } from './messages.ts';

/**
 * The program without listeners and with a clock that is handed in: the same shard, committer, stores and dispatcher, so
 * that a run with kills and one without see the same times. It may kill itself in the middle of a file system call.
 */
const given = JSON.parse(process.argv[2]!) as ChildArguments;
let calls = 0;
const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
};

if (given.dieAtCall > 0) {
  // Only calls on our own data count: the module loader and the databases have theirs.
  const own = new Set<number>();
  const mine = (path: unknown): boolean =>
    typeof path === 'string' && path.startsWith(given.dataDir) && !path.endsWith('.sqlite');
  const due = (): boolean => ++calls === given.dieAtCall;
  const openSync = fs.openSync as (...args: unknown[]) => number;
  fs.openSync = ((...args: unknown[]) => {
    const writes = mine(args[0]) && args[1] !== 'r';
    if (writes && due()) {
      if (given.dieWhen !== 'before') openSync(...args);
      die();
    }
    const fd = openSync(...args);
    if (writes) own.add(fd);
    return fd;
  }) as typeof fs.openSync;
  const closeSync = fs.closeSync;
  fs.closeSync = (fd) => {
    own.delete(fd);
    closeSync(fd);
  };
  const writeSync = fs.writeSync as (
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position?: number,
  ) => number;
  fs.writeSync = ((fd: number, buffer: Uint8Array, offset: number, length: number, position?: number) => {
    if (!own.has(fd) || !due()) return writeSync(fd, buffer, offset, length, position);
    if (given.dieWhen !== 'before')
      writeSync(fd, buffer, offset, given.dieWhen === 'torn' ? length >> 1 : length, position);
    return die();
  }) as typeof fs.writeSync;
  for (const name of ['renameSync', 'unlinkSync', 'rmSync', 'ftruncateSync', 'fsyncSync'] as const) {
    const original = fs[name] as (...args: unknown[]) => unknown;
    (fs as unknown as Record<string, unknown>)[name] = (...args: unknown[]) => {
      const counted = typeof args[0] === 'number' ? own.has(args[0]) : mine(args[0]);
      if (!counted || !due()) return original(...args);
      if (given.dieWhen === 'after') original(...args);
      return die();
    };
  }
  syncBuiltinESMExports();
}

const [
  { join },
  { Dispatcher },
  { openSqliteControlStore },
  { DuckDbHistoryStore },
  { Committer },
  { Correlator },
  { DurableShard },
  { createReceivers },
  { crashSettings },
] = await Promise.all([
  import('node:path'),
  import('../../src/alert/notify/dispatcher.ts'),
  import('../../src/store/control/sqlite.ts'),
  import('../../src/store/history/duckdb-history-store.ts'),
  import('../../src/pipeline/committer.ts'),
  import('../../src/pipeline/correlator/correlator.ts'),
  import('../../src/pipeline/shard/durable-shard.ts'),
  import('../../src/pipeline/receivers.ts'),
  import('./settings.ts'),
]);

let now = given.at;
const clock = { now: () => now };
const tell = (message: FromChild): void => void process.send!(message);
const settings = crashSettings(given.dataDir, given.webhook);
const stamp = { modelVersion: 'test', configHash: 'test' };
const control = openSqliteControlStore(join(settings.data_dir, 'control.sqlite'));
await control.migrate();
const history = await DuckDbHistoryStore.open({
  directory: join(settings.data_dir, 'history'),
  memoryLimit: settings.history.memory,
});
const receivers = createReceivers(settings, clock);
const correlator = new Correlator(settings, {
  route: settings.route,
  receivers: [...receivers.notifiers.keys()],
  externalUrl: 'http://tocsin',
  stamp,
});
const saved = await control.correlatorState();
if (saved !== null) correlator.restore(saved.state);
const dispatcher = new Dispatcher(control, receivers.notifiers, clock);
const failed = (error: unknown): void => tell({ type: 'failed', message: (error as Error).stack ?? String(error) });

// As over the message port of a shard thread: what is made durable is acknowledged later, never within the call.
let shard: Shard | null = null;
let durable = 0;
const committer = new Committer({
  correlator,
  control,
  history,
  clock,
  stamp,
  applied: saved?.applied ?? {},
  onDurable: (_, sequence) => {
    durable = Math.max(durable, sequence);
    shard?.acknowledge(sequence);
  },
  onIncidents: () => undefined,
  onOutbox: () => void dispatcher.run().catch(failed),
  onStep: () => undefined,
  onFailure: failed,
});
shard = await DurableShard.open({ shard: 0, settings, clock, emit: (report) => committer.push([report]) });
shard.acknowledge(durable);
void dispatcher.run().catch(failed);
const open = shard;
tell({ type: 'ready', watermark: open.stats().watermark });

const SETTLE_EVERY = 8;
let tail = Promise.resolve();

process.on('message', (message: ToChild) => {
  if (message.type === 'finish') void finish(message.at).catch(failed);
  else tail = tail.then(() => request(message)).catch(failed);
});

async function request({ number, signal, at, body }: Extract<ToChild, { type: 'request' }>): Promise<void> {
  // A snapshot waits until everything is durable. Requests come faster here than in life: let it catch up now and then.
  if (number % SETTLE_EVERY === 0) await committer.drain();
  now = at;
  try {
    open.tick();
    open.accept(signal, 'otlp-protobuf', body, 'default');
    // A snapshot under way goes on between requests.
    open.continueSnapshot();
  } catch (error) {
    // Refused for good, as it is meant to be; everything else is a fault.
    if (!(error instanceof TocsinError) || error.code !== 'bad_payload') {
      failed(error);
      return;
    }
  }
  tell({ type: 'applied', number });
}

async function finish(at: number): Promise<void> {
  await tail;
  now = at;
  open.tick();
  await committer.drain();
  await dispatcher.run();
  const counts: Record<string, number> = {};
  for (const series of await history.searchSeries({ limit: 1_000 })) {
    const points = await history.range(series.id, 0, Number.MAX_SAFE_INTEGER, 1);
    const key = `${series.service} ${series.metric} ${JSON.stringify(series.labels)}`;
    counts[key] = points.reduce((sum, point) => sum + point.count, counts[key] ?? 0);
  }
  const { items } = await control.incidents({ limit: 500 });
  const decisions = await control.decisions({ limit: 5_000 });
  const outbox = await control.outbox({ limit: 500 });
  tell({
    type: 'finished',
    stateHash: open.stateHash(),
    partHashes: open.partHashes(),
    correlator: correlator.save(),
    incidents: JSON.stringify(items),
    decisions: decisions.map((record) => record.id).toSorted(),
    outbox: outbox.map(({ id, state }) => ({ id, state })).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    counts,
  });
}
