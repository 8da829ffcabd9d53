import { randomUUID } from 'node:crypto';
import { ConfigError, formatFault, type LoadedConfig, proposeConfig } from '../../config/load.ts';
import { formatMatcher } from '../../domain/alerting/matcher.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Clock, ControlStore, HistoryStore } from '../../domain/ports.ts';
import type { BacktestJob, BacktestRequest, Backtests, ProposedChange } from '../../domain/replay/backtest.ts';
import { subjectOf } from '../explain/subject.ts';
import { type Settings, settingsSchema } from '../settings.ts';
import { applyChange } from './change.ts';
import { storedIncidents } from './stored.ts';
import { type RunningTask, startTask } from './task.ts';

/** Replays take a core each: the pipeline needs the others. */
const MAX_RUNNING = 2;
const MAX_KEPT = 50;

export interface BacktestsOptions {
  readonly dataDir: string;
  readonly control: ControlStore;
  readonly history: Pick<HistoryStore, 'series'>;
  readonly clock: Clock;
  readonly loaded: () => LoadedConfig<Settings>;
}

export interface RunningBacktests extends Backtests {
  /** Ends what runs. */
  close(): Promise<void>;
}

interface Held {
  job: BacktestJob;
  task: RunningTask<unknown> | null;
  readonly over: PromiseWithResolvers<void>;
}

/** Backtests, previews, explanations and exact replays over the data folder of this process, each in a thread. */
export function createBacktests(options: BacktestsOptions): RunningBacktests {
  const { dataDir, control, history, clock } = options;
  const held = new Map<string, Held>();
  const others = new Set<RunningTask<unknown>>();

  function find(id: string): Held {
    const found = held.get(id);
    if (found === undefined) throw new TocsinError('not_found', `there is no backtest ${id}`);
    return found;
  }

  function proposal(change: ProposedChange | undefined): { settings: Settings; hash: string } | undefined {
    if (change?.kind !== 'config') return undefined;
    try {
      const base = change.replace ? null : { files: options.loaded().files, env: process.env };
      const { config, hash } = proposeConfig(change.text, settingsSchema, base);
      return { settings: config, hash };
    } catch (error) {
      if (error instanceof ConfigError)
        throw new TocsinError('invalid_config', error.faults.map(formatFault).join('\n'));
      throw error;
    }
  }

  async function run(entry: Held, request: BacktestRequest, proposed: ReturnType<typeof proposal>): Promise<void> {
    const { from, to, mode, change } = request;
    const over = (changes: Partial<BacktestJob>): void => {
      if (entry.job.state === 'running') entry.job = { ...entry.job, ...changes };
    };
    try {
      const stored = await storedIncidents(control, from, to);
      if (entry.job.state !== 'running') return;
      const task = startTask(
        {
          task: 'backtest',
          options: {
            dataDir,
            from,
            to,
            stored,
            ...(mode === undefined ? {} : { mode }),
            ...(change === undefined ? {} : { change }),
            ...(proposed === undefined ? {} : { proposed }),
          },
        },
        (progress) => over({ progress: Math.min(0.99, progress) }),
      );
      entry.task = task;
      over({ state: 'done', progress: 1, result: await task.result });
    } catch (error) {
      over({ state: 'failed', error: error instanceof TocsinError ? error.message : String(error) });
    } finally {
      entry.task = null;
      entry.over.resolve();
    }
  }

  async function once<T>(task: RunningTask<T>): Promise<T> {
    others.add(task);
    return task.result.finally(() => others.delete(task));
  }

  function busy(): void {
    const running = [...held.values()].filter(({ job }) => job.state === 'running').length + others.size;
    if (running >= MAX_RUNNING)
      throw new TocsinError('overloaded', `${MAX_RUNNING} replays run already; wait for one or cancel it`, {
        retryAfterMs: 5_000,
      });
  }

  return {
    start(kind, request, by) {
      if (!(request.to > request.from)) throw new TocsinError('invalid_request', 'a backtest must end after it starts');
      busy();
      const proposed = proposal(request.change);
      // Faulty matchers and rules are the caller's: found now, not by the thread.
      applyChange(request.change, options.loaded().config, request.from);
      const { from, to } = request;
      const job: BacktestJob = {
        id: randomUUID(),
        kind,
        state: 'running',
        progress: 0,
        createdAt: clock.now(),
        by,
        title: titleOf(request.change),
        from,
        to,
        error: null,
        result: null,
      };
      const entry: Held = { job, task: null, over: Promise.withResolvers<void>() };
      held.set(job.id, entry);
      for (const [id, { job: old }] of held) {
        if (held.size <= MAX_KEPT) break;
        if (old.state !== 'running') held.delete(id);
      }
      void run(entry, request, proposed);
      return job;
    },
    jobs: () => [...held.values()].map(({ job }) => job).toReversed(),
    job: (id) => find(id).job,
    cancel(id) {
      const entry = find(id);
      if (entry.job.state === 'running') {
        entry.job = { ...entry.job, state: 'cancelled' };
        void entry.task?.cancel();
        entry.over.resolve();
      }
      return entry.job;
    },
    async wait(id, ms) {
      const entry = find(id);
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, ms);
      await Promise.race([entry.over.promise, late.promise]);
      clearTimeout(timer);
      return entry.job;
    },
    async explain(subject, at, window, changes = true, budget) {
      const found = await subjectOf(subject, at, window, { control, history });
      busy();
      const limits = { changes, ...(budget === undefined ? {} : { budget }) };
      return once(startTask({ task: 'explain', options: { dataDir, ...limits, ...found } }, () => undefined));
    },
    async replayDecision(id) {
      const [decision] = await control.decisions({ id });
      if (decision === undefined) throw new TocsinError('not_found', `there is no decision ${id}, or no longer`);
      busy();
      const levels = await once(startTask({ task: 'verify', options: { dataDir, decision } }, () => undefined));
      return { decision, levels };
    },
    async close() {
      for (const { task } of held.values()) await task?.cancel();
      for (const task of others) await task.cancel();
    },
  };
}

function titleOf(change: ProposedChange | undefined): string {
  switch (change?.kind) {
    case 'silence':
      return `silence ${change.matchers.map(formatMatcher).join(', ')}`;
    case 'maintenance':
      return `maintenance ${change.matchers.map(formatMatcher).join(', ') || 'of everything'}`;
    case 'inhibition':
      return `inhibition of ${change.target_matchers.map(formatMatcher).join(', ')}`;
    case 'config':
      return change.replace ? 'another configuration' : 'a change of the configuration';
    default:
      return 'as configured';
  }
}
