import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type DemoSettings, runDemo } from './run.ts';

/** The shop in a thread of its own, so that its arithmetic holds up neither page nor pipeline. */
export type FromDemo =
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'note'; readonly text: string };

const port = parentPort as MessagePort;
const abort = new AbortController();
const send = (message: FromDemo): void => port.postMessage(message);
port.on('message', () => {
  abort.abort();
  port.close();
});

runDemo({
  ...(workerData as DemoSettings),
  signal: abort.signal,
  onProgress: (share) => send({ type: 'progress', share }),
  onNote: (text) => send({ type: 'note', text }),
}).catch((error: unknown) => {
  if (!abort.signal.aborted) send({ type: 'note', text: (error as Error).message });
  port.close();
});
