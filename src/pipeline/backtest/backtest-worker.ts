import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { TocsinError } from '../../domain/error.ts';
import { explainAt } from '../explain/explain.ts';
import { verifyDecision } from '../explain/verify.ts';
import { runBacktest } from './run.ts';
import type { BacktestTask, FromBacktest } from './task.ts';

/** One replay in a thread of its own: it ends with its result, or is ended. */
const port = parentPort as MessagePort;
const send = (message: FromBacktest): void => port.postMessage(message);

/** Progress is told this often at most. */
const EVERY_MS = 200;
let toldAt = 0;
const onProgress = (share: number): void => {
  const now = performance.now();
  if (now - toldAt < EVERY_MS) return;
  toldAt = now;
  send({ type: 'progress', share });
};

function run(task: BacktestTask): unknown {
  switch (task.task) {
    case 'backtest':
      return runBacktest({ ...task.options, onProgress });
    case 'explain':
      return explainAt({ ...task.options, onProgress });
    case 'verify':
      return verifyDecision({ ...task.options, onProgress });
  }
}

try {
  send({ type: 'done', result: run(workerData as BacktestTask) });
} catch (error) {
  if (error instanceof TocsinError) send({ type: 'failed', code: error.code, message: error.message });
  else send({ type: 'failed', code: null, message: (error as Error).stack ?? String(error) });
}
