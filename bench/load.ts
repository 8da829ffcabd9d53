import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ServerFigures {
  readonly cpu: number;
  readonly points: number;
  readonly series: number;
  readonly refused: number;
  /** From headers to answer, ms, since the last call. */
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
}

/** A shard as served, in a process of its own, with an empty data directory that is removed afterwards. */
export class ServerUnderLoad {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(child: ChildProcess, directory: string, port: number) {
    this.#child = child;
    this.#directory = directory;
    this.port = port;
  }

  static async start(): Promise<ServerUnderLoad> {
    const directory = mkdtempSync(join(tmpdir(), 'tocsin-bench-'));
    const child = fork(join(import.meta.dirname, 'server-child.ts'), [directory], {
      execArgv: process.env['PROFILE'] === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', process.env['PROFILE']],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const { port } = await answerOf<{ port: number }>(child);
    return new ServerUnderLoad(child, directory, port);
  }

  figures(): Promise<ServerFigures> {
    const answer = answerOf<ServerFigures>(this.#child);
    this.#child.send('figures');
    return answer;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.send('stop');
    await gone;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const died = (code: number | null): void => reject(new Error(`the server under load ended with ${code}`));
    child.once('exit', died);
    child.once('message', (message) => {
      child.off('exit', died);
      resolve(message as T);
    });
  });
}

/** One keep-alive connection: a request at a time, as exporters send them. */
export class Connection {
  readonly #socket: Socket;
  #answered: ((status: number) => void) | null = null;
  #received = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#receive(chunk));
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Connection(socket)));
      socket.once('error', reject);
    });
  }

  /** Resolves to the status once the whole answer is there. */
  post(body: Uint8Array, coding: 'identity' | 'gzip'): Promise<number> {
    const head = `POST /v1/metrics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n${coding === 'gzip' ? 'Content-Encoding: gzip\r\n' : ''}Content-Length: ${body.length}\r\n\r\n`;
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received += chunk.toString('latin1');
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(this.#received)?.[1] ?? 0);
    if (this.#received.length < end + 4 + length) return;
    const status = Number(this.#received.slice(9, 12));
    this.#received = this.#received.slice(end + 4 + length);
    this.#answered?.(status);
  }
}
