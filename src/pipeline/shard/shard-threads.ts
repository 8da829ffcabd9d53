import { existsSync } from 'node:fs';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { TocsinError } from '../../domain/error.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import type { ListenAddress } from '../../ingest/server/options.ts';
import type { Settings } from '../settings.ts';
import type { FromShard, ShardWorkerData, ToShard } from './worker-messages.ts';

export type ShardFigures = Extract<FromShard, { type: 'stats' }>;

export interface ShardThreadsOptions {
  readonly settings: Settings;
  readonly shards: number;
  readonly onReport: (report: TickReport) => void;
  readonly onReplay: (shard: number, share: number) => void;
  readonly onWarning: (shard: number, message: string) => void;
  /** A shard died: the process cannot go on. */
  readonly onFailure: (shard: number, message: string) => void;
}

/** The shard threads of this process. */
export class ShardThreads {
  readonly figures = new Map<number, ShardFigures>();
  http: ListenAddress | null = null;
  grpc: ListenAddress | null = null;
  readonly #options: ShardThreadsOptions;
  readonly #workers: Worker[] = [];
  readonly #drained: PromiseWithResolvers<void>[] = [];
  readonly #stopped: PromiseWithResolvers<void>[] = [];
  #stopping = false;
  readonly #hashes = new Map<number, (hash: string) => void>();

  constructor(options: ShardThreadsOptions) {
    this.#options = options;
  }

  /** Resolves when every shard has replayed its log and listens. The first binds the ports, the others share them. */
  async start(): Promise<void> {
    const { shards } = this.#options;
    const peers: Map<number, MessagePort>[] = Array.from({ length: shards }, () => new Map());
    for (let a = 0; a < shards; a++) {
      for (let b = a + 1; b < shards; b++) {
        const { port1, port2 } = new MessageChannel();
        peers[a]!.set(b, port1);
        peers[b]!.set(a, port2);
      }
    }
    let settings = this.#options.settings;
    for (let shard = 0; shard < shards; shard++) {
      await this.#spawn({ shard, shards, settings, peers: peers[shard]! });
      // Port 0 means any: what the first one got is what the others must share.
      settings = { ...settings, ingest: { ...settings.ingest, http: this.http, grpc: this.grpc } };
    }
  }

  acknowledge(shard: number, sequence: number): void {
    this.#tell(shard, { type: 'acknowledge', sequence });
  }

  /** Fingerprints of all shard states, for tests. */
  hashes(): Promise<string[]> {
    return Promise.all(
      this.#workers.map(
        (_, shard) =>
          new Promise<string>((resolve) => {
            const id = this.#hashes.size;
            this.#hashes.set(id, resolve);
            this.#tell(shard, { type: 'hash', id });
          }),
      ),
    );
  }

  /** Drains and ends every shard; their last reports arrive before this resolves. One that died is passed over. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const shard of this.#workers.keys()) this.#tell(shard, { type: 'drain' });
    await Promise.all(this.#drained.map(({ promise }) => promise));
    for (const shard of this.#workers.keys()) this.#tell(shard, { type: 'stop' });
    await Promise.all(this.#stopped.map(({ promise }) => promise));
    await this.abandon();
  }

  /** Ends every shard as it is: what was acknowledged is in its log. */
  async abandon(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #tell(shard: number, message: ToShard): void {
    this.#workers[shard]?.postMessage(message);
  }

  #spawn(data: ShardWorkerData): Promise<void> {
    const { shard } = data;
    const transferList = [...data.peers.values()];
    const worker = new Worker(workerFile(), { workerData: data, transferList, name: `shard-${shard}` });
    this.#workers[shard] = worker;
    const drained = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    this.#drained[shard] = drained;
    this.#stopped[shard] = stopped;
    let ready = false;
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        if (!ready) reject(error);
        else
          this.#options.onFailure(shard, error instanceof TocsinError ? error.message : (error.stack ?? error.message));
      };
      worker.on('message', (message: FromShard) => {
        switch (message.type) {
          case 'ready':
            this.http = message.http;
            this.grpc = message.grpc;
            ready = true;
            resolve();
            break;
          case 'replay':
            this.#options.onReplay(shard, message.share);
            break;
          case 'report':
            this.#options.onReport(message.report);
            break;
          case 'stats':
            this.figures.set(shard, message);
            break;
          case 'hash':
            this.#hashes.get(message.id)?.(message.hash);
            break;
          case 'drained':
            drained.resolve();
            break;
          case 'stopped':
            stopped.resolve();
            break;
          case 'warning':
            this.#options.onWarning(shard, message.message);
            break;
          case 'failed':
            failed(message.code === null ? new Error(message.message) : new TocsinError(message.code, message.message));
            break;
        }
      });
      worker.on('error', failed);
      worker.on('exit', () => {
        if (!this.#stopping) failed(new Error('a shard thread ended by itself'));
        drained.resolve();
        stopped.resolve();
      });
    });
  }
}

/** Beside the bundle in production, the source when run from sources. */
function workerFile(): URL {
  const built = new URL('./shard-worker.js', import.meta.url);
  if (existsSync(built)) return built;
  const besideChunks = new URL('../shard-worker.js', import.meta.url);
  return existsSync(besideChunks) ? besideChunks : new URL('./shard-worker.ts', import.meta.url);
}
