import type { TickReport } from '../../domain/signal/history.ts';
import { readInputLog } from '../../store/input-log/input-log.ts';
import { readSnapshot } from '../../store/snapshot/file-snapshot-store.ts';
import { MetricInput } from '../engine/metric-input.ts';
import { ShardEngine } from '../engine/shard-engine.ts';
import type { Settings } from '../settings.ts';
import { applyFrame } from '../shard/log-kinds.ts';
import { type InputAnchor, inputFolder } from './retained.ts';

/**
 * What a shard reports when its retained input runs through the engine again, from an anchor on. The same code as a restart:
 * with the configuration that wrote the input, every report is the one that was sent then, bit by bit.
 */
export class EngineFeed {
  readonly #frames: Iterator<{ readonly kind: number; readonly payload: Uint8Array }>;
  readonly #engine: ShardEngine;
  readonly #input = new MetricInput();
  readonly #queue: TickReport[] = [];
  #ended = false;

  /**
   * @param restore false: the input from the anchor on, but nothing learnt before.
   * @throws TocsinError, or Error, when the kept state does not fit the settings: detectors were added or their shape changed.
   */
  constructor(dataDir: string, anchor: InputAnchor, settings: Settings, restore = true) {
    const { shard, snapshot } = anchor;
    this.#engine = new ShardEngine({ shard, settings, emit: (report) => this.#queue.push(report) });
    if (snapshot !== null && restore) this.#engine.restore(readSnapshot(snapshot.path).parts);
    this.#frames = readInputLog(inputFolder(dataDir, shard), snapshot?.position ?? 0)[Symbol.iterator]();
  }

  get engine(): ShardEngine {
    return this.#engine;
  }

  /** The next report without taking it; null when the input ends before there is one. */
  peek(): TickReport | null {
    while (this.#queue.length === 0 && !this.#ended) {
      const { done, value } = this.#frames.next();
      if (done === true) this.#ended = true;
      else this.#apply(value.kind, value.payload);
    }
    return this.#queue[0] ?? null;
  }

  take(): TickReport | null {
    const report = this.peek();
    if (report !== null) this.#queue.shift();
    return report;
  }

  #apply(kind: number, payload: Uint8Array): void {
    try {
      applyFrame(this.#engine, this.#input, kind, payload);
    } catch {
      // What was refused, or threw, when it came does so again, and was passed over by every restart since.
    }
  }
}
