import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { DAY } from '../../domain/units.ts';
import type { Output } from '../output.ts';
import { startServer, stopInTime } from '../serve.ts';
import type { FromDemo } from './demo-worker.ts';
import type { DemoSettings } from './run.ts';

export interface DemoCommandOptions {
  readonly config?: string;
  readonly dataDir: string;
  readonly demo: boolean;
  readonly days: string;
  readonly seed: string;
  readonly faults: boolean;
}

/** `tocsin demo`: a server, and in the same process a small shop that talks to it over the wire. */
export async function demo(options: DemoCommandOptions, output: Output): Promise<number> {
  const days = Number(options.days);
  const seed = Number(options.seed);
  if (!(days >= 0 && days <= 14) || !Number.isInteger(seed)) {
    output.error('tocsin demo: --days is a number from 0 to 14, --seed a whole number');
    return 2;
  }
  const { program, ended } = await startServer(options, output);
  let worker: Worker | null = null;
  if (options.demo && program.addresses.http !== null) {
    output.line(`demo: a shop of eleven services back-fills ${days} simulated days, then goes live`);
    const settings: DemoSettings = {
      endpoint: program.addresses.http,
      backfillMs: Math.round((days * DAY) / 60_000) * 60_000,
      seed,
      faults: options.faults,
    };
    worker = new Worker(workerFile(), { workerData: settings, name: 'demo' });
    worker.on('message', (message: FromDemo) => {
      if (message.type === 'progress') output.progress('back-fill', message.share);
      else output.line(`demo: ${message.text}`);
    });
    worker.on('error', (error) => output.error(`demo: ${error.message}`));
  } else output.line('waiting for your telemetry; the page says how to send it');
  const code = await ended;
  worker?.postMessage('stop');
  await stopInTime(program, code);
  await worker?.terminate();
  return code;
}

/** Beside the bundle in production, the source when run from sources. */
function workerFile(): URL {
  const built = ['./demo-worker.js', '../demo-worker.js']
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  return built ?? new URL('./demo-worker.ts', import.meta.url);
}
