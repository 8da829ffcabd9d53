import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { TocsinError } from '../domain/error.ts';
import { createLog } from '../observe/log.ts';
import { ROLES, type Role, startRoles } from '../pipeline/cluster/roles.ts';
import { type Program, startProgram } from '../pipeline/program.ts';
import { type Settings, settingsSchema } from '../pipeline/settings.ts';
import type { Output } from './output.ts';
import { VERSION } from './version.ts';

export interface ServeOptions {
  readonly config?: string;
  readonly dataDir?: string;
  /** Comma-separated; only with a bus. */
  readonly role?: string;
}

const SAME_SIGNAL_MS = 1_000;
/** Draining is given up after this long: what was acknowledged is in the input log. */
const STOP_DEADLINE_MS = 30_000;

/** Starts the program and says where it listens. */
export async function startServer(
  options: ServeOptions,
  output: Output,
): Promise<{ readonly program: Program; readonly ended: Promise<number> }> {
  const read = reader(options);
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

  onSignals(output, ended.resolve);
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

/** The roles of one process of a cluster, until a signal or a failure ends it. */
async function serveRoles(options: ServeOptions, roles: readonly Role[], output: Output): Promise<number> {
  const read = reader(options);
  const loaded = read();
  const log = createLog(loaded.config.log_level);
  const ended = Promise.withResolvers<number>();
  onSignals(output, ended.resolve);
  const running = await startRoles({
    roles,
    loaded,
    version: VERSION,
    log,
    clock: { now: () => Date.now() },
    reread: read,
    uiRoot: uiFolder(),
    onFailure: () => ended.resolve(1),
    onStandby: () => output.line('waiting to be the correlator'),
  });
  const { addresses } = running;
  output.line(`roles             ${roles.join(', ')}`);
  output.line(`${roles.includes('correlator') ? 'page and API      ' : 'health, metrics   '}${addresses.api ?? 'off'}`);
  if (roles.includes('gateway')) {
    output.line(`OTLP/HTTP         ${addresses.http ?? 'off'}   (also Prometheus remote write at /api/v1/write)`);
    output.line(`OTLP/gRPC         ${addresses.grpc ?? 'off'}`);
  }
  const code = await ended.promise;
  await stopInTime(running, code);
  return code;
}

function rolesOf(text: string): readonly Role[] {
  const roles = text.split(',').map((word) => word.trim());
  const wrong = roles.filter((role) => !(ROLES as readonly string[]).includes(role));
  if (wrong.length > 0)
    throw new TocsinError(
      'invalid_config',
      `--role: there is no role '${wrong.join("', '")}'; there are: ${ROLES.join(', ')}`,
    );
  return ROLES.filter((role) => roles.includes(role));
}

export async function serve(options: ServeOptions, output: Output): Promise<number> {
  const brokers = reader(options)().config.bus.brokers;
  if (options.role !== undefined && brokers.length === 0)
    throw new TocsinError('invalid_config', '--role needs a bus: set bus.brokers');
  if (brokers.length > 0)
    return serveRoles(options, options.role === undefined ? ROLES : rolesOf(options.role), output);
  const { program, ended } = await startServer(options, output);
  const code = await ended;
  await stopInTime(program, code);
  return code;
}

/** The first SIGINT or SIGTERM ends in order, the next one at once. */
function onSignals(output: Output, end: (code: number) => void): void {
  let first = 0;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // A terminal signals the whole group and npm passes it on besides: two at once are one. A later one means it.
      if (first > 0 && Date.now() - first > SAME_SIGNAL_MS) process.exit(1);
      if (first > 0) return;
      first = Date.now();
      output.error(`${name}: draining`);
      end(0);
    });
  }
}

function reader(options: ServeOptions): () => ReturnType<typeof loadConfig<Settings>> {
  return () => {
    const loaded = loadConfig(options.config ?? null, settingsSchema, process.env);
    return options.dataDir === undefined
      ? loaded
      : { ...loaded, config: { ...loaded.config, data_dir: options.dataDir } };
  };
}

export async function stopInTime(program: { stop(): Promise<void> }, code: number): Promise<void> {
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
