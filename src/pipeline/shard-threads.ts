import { existsSync } from 'node:fs';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { TickReport } from '../domain/history.ts';
import type { ListenAddress } from '../ingest/server/options.ts';
import type { Settings } from './settings.ts';
import type { FromShard, ShardWorkerData, ToShard } from './worker-messages.ts';

export type ShardFigures = Extract<FromShard, { type: 'stats' }>;

export interface ShardThreadsOptions {
  readonly settings: Settings;
  readonly shards: number;
  readonly onReport: (report: TickReport) => void;
  readonly onReplay: (shard: number, share: number) => void;
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
  readonly #stopped = new Map<number, () => void>();
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

  /** Drains and ends every shard; their last reports arrive before this resolves. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#workers.map((worker, shard) => {
        const stopped = new Promise<void>((resolve) => this.#stopped.set(shard, resolve));
        this.#tell(shard, { type: 'stop' });
        return stopped.then(() => worker.terminate());
      }),
    );
  }

  #tell(shard: number, message: ToShard): void {
    this.#workers[shard]?.postMessage(message);
  }

  #spawn(data: ShardWorkerData): Promise<void> {
    const { shard } = data;
    const transferList = [...data.peers.values()];
    const worker = new Worker(workerFile(), { workerData: data, transferList, name: `shard-${shard}` });
    this.#workers[shard] = worker;
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromShard) => {
        switch (message.type) {
          case 'ready':
            this.http = message.http;
            this.grpc = message.grpc;
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
          case 'stopped':
            this.#stopped.get(shard)?.();
            break;
          case 'failed':
            reject(new Error(message.message));
            this.#options.onFailure(shard, message.message);
            break;
        }
      });
      worker.on('error', (error) => {
        reject(error);
        this.#options.onFailure(shard, error.stack ?? error.message);
      });
      worker.on('exit', () => this.#stopped.get(shard)?.());
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
