import type { Bus, BusMember, BusReader, BusRecord } from '../../bus/bus.ts';
import { decodeReport } from '../../bus/codec/report-record.ts';
import type { Topics } from '../../bus/topics.ts';
import { TocsinError } from '../../domain/error.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { createCounters } from '../../ingest/server/counters.ts';
import type { ReportSource } from '../report-source.ts';
import type { DurableStats } from '../shard/durable-shard.ts';
import type { ShardFigures } from '../shard/shard-threads.ts';

const CORRELATORS = 'tocsin-correlators';
const COMMIT_EVERY_MS = 1_000;
/** Reports that may wait for the stores; beyond it the bus keeps them. */
const MOST_WAITING = 1_000;
const PAUSE_MS = 20;

/** The one correlator of a cluster: the member of its group that has every partition. */
export interface Leadership {
  readonly member: BusMember;
  /** Called when somebody else has become the correlator. */
  onLost: () => void;
}

/** Resolves when this process is the one; until then it stands by. */
export async function lead(bus: Bus, topics: Topics): Promise<Leadership> {
  const won = Promise.withResolvers<void>();
  let leading = false;
  const leadership = { onLost: (): void => undefined };
  const member = await bus.join(CORRELATORS, topics.reports, 'one', async (partitions) => {
    if (leading && partitions.length === 0) leadership.onLost();
    leading = partitions.length > 0;
    if (leading) won.resolve();
  });
  await won.promise;
  return Object.assign(leadership, { member });
}

export interface BusReportsOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly leadership: Leadership;
  readonly onReport: (report: TickReport) => void;
  /** Reports handed over and not applied yet. */
  readonly backlog: () => number;
  readonly onWarning: (message: string) => void;
  readonly onFailure: (message: string) => void;
}

/** Reports of detectors, from the bus, in the order of each partition. */
export class BusReports implements ReportSource {
  readonly figures = new Map<number, ShardFigures>();
  readonly http = null;
  readonly grpc = null;
  readonly #options: BusReportsOptions;
  #reader: BusReader | null = null;
  /** Per partition: sequence and offset of what was handed over, oldest first. */
  readonly #waiting = new Map<number, { readonly sequence: number; readonly offset: number }[]>();
  readonly #done = new Map<number, number>();
  #committing: NodeJS.Timeout | null = null;

  constructor(options: BusReportsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { bus, topics, leadership, onFailure } = this.#options;
    leadership.onLost = () => onFailure('another correlator has taken over');
    const ends = await bus.ends(topics.reports);
    const committed = await bus.committed(CORRELATORS, topics.reports);
    this.#reader = bus.reader(
      topics.reports,
      (records) => this.#take(records),
      (error) => onFailure(error.message),
    );
    for (const [partition, { first }] of ends.entries())
      this.#reader.start(partition, Math.max(first, committed[partition] ?? 0));
    this.#committing = setInterval(() => void this.#commit(), COMMIT_EVERY_MS);
  }

  async #take(records: readonly BusRecord[]): Promise<void> {
    for (const { partition, offset, value, headers } of records) {
      while (this.#options.backlog() > MOST_WAITING) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (headers['kind'] === 'stats') {
        this.figures.set(partition, figuresOf(JSON.parse(new TextDecoder().decode(value)) as DurableStats));
        continue;
      }
      try {
        const report = decodeReport(value);
        const waiting = this.#waiting.get(partition) ?? [];
        this.#waiting.set(partition, waiting);
        waiting.push({ sequence: report.sequence, offset });
        this.#options.onReport(report);
      } catch (error) {
        if (!(error instanceof TocsinError)) throw error;
        this.#options.onWarning(`report ${offset} of partition ${partition} cannot be read: ${error.message}`);
      }
    }
  }

  acknowledge(shard: number, sequence: number): void {
    const waiting = this.#waiting.get(shard);
    if (waiting === undefined) return;
    let done = 0;
    while (done < waiting.length && waiting[done]!.sequence < sequence) done++;
    if (done === 0) return;
    this.#done.set(shard, waiting[done - 1]!.offset + 1);
    waiting.splice(0, done);
  }

  async #commit(): Promise<void> {
    if (this.#done.size === 0) return;
    const offsets = new Map(this.#done);
    this.#done.clear();
    await this.#options.leadership.member.commit(offsets);
  }

  async stop(): Promise<void> {
    await this.#reader?.close();
  }

  async abandon(): Promise<void> {
    if (this.#committing !== null) clearInterval(this.#committing);
    await this.#reader?.close();
    await this.#commit();
    await this.#options.leadership.member.leave();
  }
}

const figuresOf = (stats: DurableStats): ShardFigures => ({ type: 'stats', stats, ingest: createCounters() });
