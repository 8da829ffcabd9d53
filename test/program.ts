import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A run of the real program from sources; `config` is written to a file beside the data. */
export class Program {
  readonly child: ChildProcess;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, ['--no-warnings', MAIN, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.child.stdout!.on('data', (part: Buffer) => {
      this.stdout += part.toString();
    });
    this.child.stderr!.on('data', (part: Buffer) => {
      this.stderr += part.toString();
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(code ?? signal ?? ''));
    });
  }

  static serve(folder: string, config: string): Program {
    const file = join(folder, 'tocsin.yaml');
    writeFileSync(file, config);
    return new Program(['serve', '--config', file]);
  }

  /** Addresses that it printed; throws with what it said when it ends instead. */
  async listening(): Promise<{ readonly api: string; readonly otlp: string }> {
    for (;;) {
      const api = /page and API\s+(\S+)/.exec(this.stdout)?.[1];
      const otlp = /OTLP\/HTTP\s+(\S+)/.exec(this.stdout)?.[1];
      if (api !== undefined && otlp !== undefined && /OTLP\/gRPC/.test(this.stdout)) return { api, otlp };
      const over = await Promise.race([
        this.ended,
        new Promise<null>((resolve) => setTimeout(() => resolve(null), 20)),
      ]);
      if (over !== null) throw new Error(`ended with ${over}: ${this.stderr}`);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}

/** Status of a POST, 0 when the connection failed. */
export function post(url: string, body: Uint8Array, type = 'application/x-protobuf'): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request(
      url,
      { method: 'POST', agent: false, headers: { 'content-type': type, 'content-length': body.length } },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    outgoing.once('error', () => resolve(0));
    outgoing.end(body);
  });
}
