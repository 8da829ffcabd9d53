import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../../config/load.ts';
import type { HistoryStore } from '../../../domain/ports.ts';
import { openSqliteControlStore } from '../../../store/control/sqlite.ts';
import { Committer } from '../../committer.ts';
import type { Correlator } from '../../correlator/correlator.ts';
import { createCorrelator } from '../../correlator/create.ts';
import { recording } from '../../journal/commands.ts';
import { openJournal } from '../../journal/open.ts';
import { createRecorder } from '../../journal/recorder.ts';
import { parseScenario } from '../../scenario/load.ts';
import { signalsOf } from '../../scenario/run.ts';
import { STEP } from '../../scenario/timeline.ts';
import { settingsSchema } from '../../settings.ts';
import { DurableShard } from '../../shard/durable-shard.ts';

const NO_HISTORY = {
  registerSeries: () => Promise.resolve(),
  append: () => Promise.resolve(),
  flush: () => Promise.resolve(),
} as unknown as HistoryStore;

export interface LiveOptions {
  readonly directory: string;
  /** YAML of the configuration. */
  readonly config?: string;
  /** YAML of a scenario: what is sent. */
  readonly scenario: string;
  /** Offsets in ms at which the process is stopped and started again; `kill`: without a last snapshot or commit. */
  readonly restarts?: readonly { readonly at: number; readonly kill?: boolean }[];
  /** What people do, once the offset is reached. */
  readonly actions?: readonly { readonly at: number; readonly do: (correlator: Correlator) => void }[];
  readonly stamp?: { readonly modelVersion: string; readonly configHash: string };
}

/** A server's data folder as a run in virtual time leaves it: the code that serves, without threads and listeners. */
export async function playLive(options: LiveOptions) {
  const { directory, restarts = [], actions = [] } = options;
  const stamp = options.stamp ?? { modelVersion: 'test', configHash: 'config' };
  const loaded = parseConfig(options.config ?? '', settingsSchema, {});
  const settings = { ...loaded.config, data_dir: directory };
  writeFileSync(join(directory, 'layout.json'), JSON.stringify({ version: 1, shards: 1 }));
  const { start, until, timeline } = signalsOf(
    parseScenario(`${options.scenario}\nexpect: { incidents: { at_least: 0 } }`, 'live.yaml'),
  );
  let now = start;
  const clock = { now: () => now };
  const control = openSqliteControlStore(join(directory, 'control.sqlite'));
  await control.migrate();

  async function boot() {
    const inner = createCorrelator(settings, stamp, 'http://tocsin');
    const saved = await control.correlatorState();
    if (saved !== null) inner.restore(saved.state);
    const journal = openJournal(settings)!;
    const recorder = createRecorder(journal, {
      stamp,
      externalUrl: 'http://tocsin',
      settings,
      saved,
      watermark: inner.watermark,
    });
    const correlator = recording(inner, (command) => recorder.command(command));
    correlator.setSilences(await control.silences());
    let shard: DurableShard | null = null;
    const committer: Committer = new Committer({
      correlator,
      control,
      history: NO_HISTORY,
      clock,
      stamp,
      recorder,
      applied: saved?.applied ?? {},
      onDurable: (_, sequence) => shard?.acknowledge(sequence),
      onIncidents: () => undefined,
      onOutbox: () => undefined,
      onStep: () => undefined,
      onFailure: (error) => {
        throw error;
      },
    });
    shard = await DurableShard.open({ shard: 0, settings, clock, emit: (report) => committer.push([report]) });
    return { correlator, journal, committer, shard };
  }

  let live = await boot();
  const todo = { restarts: [...restarts], actions: [...actions] };
  for (let at = Math.ceil(start / STEP) * STEP; at <= until; at += STEP) {
    now = at;
    while (todo.actions[0] !== undefined && start + todo.actions[0].at <= at) todo.actions.shift()!.do(live.correlator);
    if (todo.restarts[0] !== undefined && start + todo.restarts[0].at <= at) {
      const { kill = false } = todo.restarts.shift()!;
      if (!kill) {
        await live.committer.drain();
        live.shard.close();
        await live.journal.close();
      }
      live = await boot();
    }
    for (const { signal, format, body } of timeline.requests(at)) live.shard.accept(signal, format, body, 'default');
    live.shard.tick();
    while (live.shard.continueSnapshot());
    await live.committer.tick();
    if (at % 60_000 === 0) await live.committer.drain();
  }
  await live.committer.drain();
  live.shard.close();
  await live.journal.close();
  return { settings, control, start, until };
}
