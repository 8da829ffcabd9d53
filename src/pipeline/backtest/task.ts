import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, TocsinError } from '../../domain/error.ts';
import type { Comparison, DecisionReplay, Explanation } from '../../domain/replay/backtest.ts';
import type { ExplainOptions } from '../explain/explain.ts';
import type { VerifyOptions } from '../explain/verify.ts';
import type { RunOptions } from './run.ts';

type Plain<T extends { readonly onProgress: unknown }> = Omit<T, 'onProgress'>;

/** What a worker is to do, as plain data. */
export type BacktestTask =
  | { readonly task: 'backtest'; readonly options: Plain<RunOptions> }
  | { readonly task: 'explain'; readonly options: Plain<ExplainOptions> }
  | { readonly task: 'verify'; readonly options: Plain<VerifyOptions> };

export type FromBacktest =
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly code: ErrorCode | null; readonly message: string };

interface Results {
  readonly backtest: Comparison;
  readonly explain: Explanation;
  readonly verify: DecisionReplay['levels'];
}

export interface RunningTask<T> {
  readonly result: Promise<T>;
  cancel(): Promise<void>;
}

/** Runs a task in a thread of its own. Cancelled, its result is refused with `conflict`. */
export function startTask<T extends BacktestTask>(
  task: T,
  onProgress: (share: number) => void,
): RunningTask<Results[T['task']]> {
  const worker = new Worker(workerFile(), { workerData: task, name: task.task });
  const result = Promise.withResolvers<Results[T['task']]>();
  worker.on('message', (message: FromBacktest) => {
    if (message.type === 'progress') onProgress(message.share);
    else if (message.type === 'done') result.resolve(message.result as Results[T['task']]);
    else
      result.reject(
        message.code === null ? new Error(message.message) : new TocsinError(message.code, message.message),
      );
  });
  worker.on('error', result.reject);
  worker.on('exit', () => result.reject(new TocsinError('conflict', 'cancelled')));
  result.promise.catch(() => undefined);
  return {
    result: result.promise,
    cancel: async () => {
      await worker.terminate();
    },
  };
}

/** Beside the bundle in production, the source when run from sources. */
function workerFile(): URL {
  const places = ['./backtest-worker.js', '../backtest-worker.js', './backtest-worker.ts'];
  const found = places.map((place) => new URL(place, import.meta.url)).find((url) => existsSync(url));
  return found ?? new URL('./backtest-worker.ts', import.meta.url);
}
