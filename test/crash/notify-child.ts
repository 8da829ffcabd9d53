import { join } from 'node:path';
import { Dispatcher } from '../../src/alert/notify/dispatcher.ts';
import type { HistoryStore } from '../../src/domain/ports.ts';
import type { TickReport } from '../../src/domain/signal/history.ts';
import { Committer } from '../../src/pipeline/committer.ts';
import { createCorrelator } from '../../src/pipeline/correlator/create.ts';
import { madeUpReport, madeUpTick, TICK_MS } from '../../src/pipeline/correlator/testing/reports.ts';
import { createReceivers } from '../../src/pipeline/receivers.ts';
import { settingsSchema } from '../../src/pipeline/settings.ts';
import { openSqliteControlStore } from '../../src/store/control/sqlite.ts';

/**
 * The main thread of the program behind its shards: correlator, committer, store, dispatcher and webhook are those that serve;
 * the reports are made up and, like a shard's, sent again from the last that was durable. Time runs `SPEED` times as fast, so
 * that retries do not take minutes.
 */
export interface NotifyChild {
  readonly dataDir: string;
  readonly url: string;
  readonly incidents: number;
  readonly epoch: number;
}

const SPEED = 60;
const given = JSON.parse(process.argv[2]!) as NotifyChild;
const clock = { now: () => given.epoch + (Date.now() - given.epoch) * SPEED };
const settings = settingsSchema.parse({
  receivers: [{ name: 'pager', webhook_configs: [{ url: given.url, timeout: 5_000 }] }],
  route: { receiver: 'pager', min_severity: 'info' },
  budget: { pages_per_week: 100_000 },
});
const stamp = { modelVersion: 'test', configHash: 'test' };
const control = openSqliteControlStore(join(given.dataDir, 'control.sqlite'));
await control.migrate();
const saved = await control.correlatorState();
const correlator = createCorrelator(settings, stamp, 'http://tocsin');
if (saved !== null) correlator.restore(saved.state);
const dispatcher = new Dispatcher(control, createReceivers(settings, clock, control).notifiers, clock);
const failed = (error: unknown): never => {
  process.send!({ type: 'failed', message: (error as Error).stack ?? String(error) });
  process.exit(1);
};
const history = {
  registerSeries: async () => {},
  append: async () => {},
  flush: async () => {},
} as unknown as HistoryStore;
const committer = new Committer({
  correlator,
  control,
  history,
  clock,
  stamp,
  applied: saved?.applied ?? {},
  onDurable: () => {},
  onIncidents: () => {},
  onOutbox: () => void dispatcher.run().catch(failed),
  onStep: () => {},
  onFailure: failed,
});

/** Each tenant has one incident of a few ticks; two tenants begin in each tick. */
const BAD = 12;
const CALM = 40;
const last = Math.ceil(given.incidents / 2) + BAD + CALM;
function reportOf(n: number): TickReport {
  const at = given.epoch + n * TICK_MS;
  const ticks = Array.from({ length: given.incidents }, (_, i) => {
    const begins = i >> 1;
    return n < begins || n > begins + BAD + CALM
      ? []
      : [madeUpTick({ tenant: `t${i}`, service: 'shop', at, strange: n < begins + BAD ? 8 : 0 })];
  }).flat();
  return madeUpReport(n, at, ticks);
}

process.send!({ type: 'ready', from: (saved?.applied['0'] ?? -1) + 1 });
void dispatcher.run().catch(failed);
const looking = setInterval(() => void dispatcher.run().catch(failed), 1_000 / SPEED);
for (let n = (saved?.applied['0'] ?? -1) + 1; n <= last; n += 1) {
  committer.push([reportOf(n)]);
  await committer.drain();
  // As in life, a tick takes a while: a kill falls between, and within.
  await new Promise((resolve) => setTimeout(resolve, 8));
}
await committer.drain();
for (;;) {
  await dispatcher.run();
  const left = (await control.outbox({ limit: 500 })).filter((item) => item.state === 'pending');
  if (left.length === 0) break;
  await new Promise((resolve) => setTimeout(resolve, 20));
}
clearInterval(looking);
await dispatcher.stop();
await control.close();
process.send!({ type: 'done' });
process.disconnect();
