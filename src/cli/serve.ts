import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { createLog } from '../observe/log.ts';
import { type Program, startProgram } from '../pipeline/program.ts';
import { settingsSchema } from '../pipeline/settings.ts';
import type { Output } from './output.ts';
import { VERSION } from './version.ts';

export interface ServeOptions {
  readonly config?: string;
  readonly dataDir?: string;
}

const SAME_SIGNAL_MS = 1_000;
/** Draining is given up after this long: what was acknowledged is in the input log. */
const STOP_DEADLINE_MS = 30_000;

/** Starts the program and says where it listens. */
export async function startServer(
  options: ServeOptions,
  output: Output,
): Promise<{ readonly program: Program; readonly ended: Promise<number> }> {
  const read = () => {
    const loaded = loadConfig(options.config ?? null, settingsSchema, process.env);
    return options.dataDir === undefined
      ? loaded
      : { ...loaded, config: { ...loaded.config, data_dir: options.dataDir } };
  };
  const loaded = read();
  const log = createLog(loaded.config.log_level);
  const ended = Promise.withResolvers<number>();
  const program = await startProgram({
    loaded,
    version: VERSION,
    log,
    clock: { now: () => Date.now() },
    reread: read,
    uiRoot: uiFolder(),
    onReplay: (share) => output.progress('replaying the input log', share),
    onFailure: () => ended.resolve(1),
  });
  const { addresses } = program;
  output.line(`page and API      ${addresses.api}`);
  output.line(`OTLP/HTTP         ${addresses.http ?? 'off'}   (also Prometheus remote write at /api/v1/write)`);
  output.line(`OTLP/gRPC         ${addresses.grpc ?? 'off'}`);

  let first = 0;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // A terminal signals the whole group and npm passes it on besides: two at once are one. A later one means it.
      if (first > 0 && Date.now() - first > SAME_SIGNAL_MS) process.exit(1);
      if (first > 0) return;
      first = Date.now();
      output.error(`${name}: draining`);
      ended.resolve(0);
    });
  }
  process.on(
    'SIGHUP',
    () =>
      void fetch(`${addresses.api}/-/reload`, {
        method: 'POST',
        headers: { 'x-tocsin-request': 'sighup', authorization: `Bearer ${loaded.config.api.bearer_token}` },
      }).catch(() => undefined),
  );
  return { program, ended: ended.promise };
}

export async function serve(options: ServeOptions, output: Output): Promise<number> {
  const { program, ended } = await startServer(options, output);
  const code = await ended;
  await stopInTime(program, code);
  return code;
}

export async function stopInTime(program: Program, code: number): Promise<void> {
  const deadline = setTimeout(() => process.exit(code === 0 ? 1 : code), STOP_DEADLINE_MS);
  await program.stop();
  clearTimeout(deadline);
}

/** The built page: beside the bundle, or in dist/ when run from sources. */
function uiFolder(): string | null {
  const folders = [
    join(import.meta.dirname, 'ui'),
    join(import.meta.dirname, '..', 'ui'),
    join(import.meta.dirname, '..', '..', 'dist', 'ui'),
  ];
  return folders.find((folder) => existsSync(join(folder, 'index.html'))) ?? null;
}
