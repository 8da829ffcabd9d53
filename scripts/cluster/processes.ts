import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server process of the cluster: how to start it and how to see that it serves. */
export interface Service {
  readonly name: string;
  readonly command: string;
  readonly parameters: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly healthy: () => Promise<boolean>;
  /** Gives the process another user: PostgreSQL refuses root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly stopSignal?: NodeJS.Signals;
}

const START_DEADLINE_MS = 120_000;
/** How often a server that ends at once is started again. */
const STARTS = 10;
const STOP_DEADLINE_MS = 20_000;

export class Processes {
  readonly #folder: string;

  /** @param folder where pid files and logs lie. */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  logOf(name: string): string {
    return join(this.#folder, `${name}.log`);
  }

  /** The process id, null when it does not run. */
  pid(name: string): number | null {
    const file = join(this.#folder, `${name}.pid`);
    if (!existsSync(file)) return null;
    const [pid, started] = readFileSync(file, 'utf8').split(' ');
    return startTime(Number(pid)) === Number(started) ? Number(pid) : null;
  }

  async start(service: Service): Promise<void> {
    if (this.pid(service.name) === null) this.#spawn(service);
    const deadline = Date.now() + START_DEADLINE_MS;
    let left = STARTS;
    while (!(await service.healthy().catch(() => false))) {
      // Killed a moment ago, a server's children may still hold what it needs: PostgreSQL then refuses to start.
      const ended = this.pid(service.name) === null;
      if (ended && left > 0) {
        left--;
        this.#spawn(service);
      } else if (ended || Date.now() > deadline)
        throw new Error(
          `${service.name} did not come up; see ${this.logOf(service.name)}:\n${this.tail(service.name)}`,
        );
      await sleep(500);
    }
  }

  #spawn(service: Service): void {
    const log = openSync(this.logOf(service.name), 'a');
    const child = spawn(service.command, service.parameters, {
      cwd: service.cwd,
      env: { ...process.env, ...service.env },
      stdio: ['ignore', log, log],
      detached: true,
      ...service.user,
    });
    child.on('error', (error) => console.error(`${service.name}: ${error.message}`));
    child.unref();
    if (child.pid === undefined) throw new Error(`${service.name} cannot be started`);
    // The start time tells our process from a later one that got the same id.
    writeFileSync(join(this.#folder, `${service.name}.pid`), `${child.pid} ${startTime(child.pid)}`);
  }

  tail(name: string): string {
    const log = this.logOf(name);
    return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-15).join('\n') : '';
  }

  /** Ends what `start` started, never anything else. */
  async stop(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<boolean> {
    const pid = this.pid(name);
    if (pid !== null) {
      process.kill(pid, signal);
      const deadline = Date.now() + STOP_DEADLINE_MS;
      while (this.pid(name) !== null) {
        if (Date.now() > deadline) process.kill(pid, 'SIGKILL');
        await sleep(100);
      }
    }
    // A dead process that nobody has taken note of yet still counts as one, for PostgreSQL's lock file at least.
    for (let i = 0; i < 50 && pid !== null && exists(pid); i++) await sleep(100);
    rmSync(join(this.#folder, `${name}.pid`), { force: true });
    return pid !== null;
  }
}

/** When a process started, in ticks since boot; null when there is none (or only its corpse). */
function startTime(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return fields[0] === 'Z' ? null : Number(fields[19]);
  } catch {
    return null;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** True when somebody listens there. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

export async function answers(url: string): Promise<boolean> {
  return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
}
