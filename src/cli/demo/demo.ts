import { DAY } from '../../domain/units.ts';
import type { Output } from '../output.ts';
import { startServer } from '../serve.ts';
import { runDemo } from './run.ts';

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
  const abort = new AbortController();
  let running: Promise<void> = Promise.resolve();
  if (options.demo && program.addresses.http !== null) {
    output.line(`demo: a shop of eleven services back-fills ${days} simulated days, then goes live`);
    running = runDemo({
      endpoint: program.addresses.http,
      backfillMs: days * DAY,
      seed,
      faults: options.faults,
      signal: abort.signal,
      onProgress: (share) => output.progress('back-fill', share),
      onNote: (text) => output.line(`demo: ${text}`),
    }).catch((error: unknown) => {
      if (!abort.signal.aborted) output.error(`demo: ${(error as Error).message}`);
    });
  } else output.line('waiting for your telemetry; the page says how to send it');
  const code = await ended;
  abort.abort();
  await running;
  await program.stop();
  return code;
}
