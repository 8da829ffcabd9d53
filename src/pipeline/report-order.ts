import type { TickReport } from '../domain/signal/history.ts';

/** A shard that is this far behind in wall time holds the others up no longer. */
const PATIENCE_MS = 2_000;

/**
 * Brings the reports of several shards into event-time order, so that the decision sees all services of a tick together.
 * With one shard everything passes straight through.
 */
export class ReportOrder {
  readonly #shards: number;
  readonly #now: () => number;
  readonly #patience: number;
  readonly #queues = new Map<number, { readonly report: TickReport; readonly arrived: number }[]>();
  readonly #watermark = new Map<number, number>();

  /** @param patience how long, in ms of `now`, a shard may hold the others up. */
  constructor(shards: number, now: () => number, patience: number = PATIENCE_MS) {
    this.#shards = shards;
    this.#now = now;
    this.#patience = patience;
  }

  /** Takes one report and returns those that may be applied now, in order. */
  push(report: TickReport): TickReport[] {
    if (this.#shards === 1) return [report];
    const queue = this.#queues.get(report.shard) ?? [];
    this.#queues.set(report.shard, queue);
    queue.push({ report, arrived: this.#now() });
    this.#watermark.set(report.shard, Math.max(report.at, this.#watermark.get(report.shard) ?? 0));
    return this.release();
  }

  /** Everything that still waits, in order: for the end, when nobody else will report. */
  drain(): TickReport[] {
    return this.release(0);
  }

  /** What may be applied without waiting longer; call now and then, so that a silent shard holds nobody up for ever. */
  release(patience: number = this.#patience): TickReport[] {
    const out: TickReport[] = [];
    for (;;) {
      let first: { report: TickReport; arrived: number } | undefined;
      for (const queue of this.#queues.values()) {
        const head = queue[0];
        if (
          head !== undefined &&
          (first === undefined ||
            head.report.at < first.report.at ||
            (head.report.at === first.report.at && head.report.shard < first.report.shard))
        )
          first = head;
      }
      if (first === undefined) return out;
      const everybodyIsThere =
        this.#watermark.size === this.#shards && [...this.#watermark.values()].every((at) => at >= first.report.at);
      if (!everybodyIsThere && !first.report.provisional && this.#now() - first.arrived < patience) return out;
      this.#queues.get(first.report.shard)!.shift();
      out.push(first.report);
    }
  }
}
