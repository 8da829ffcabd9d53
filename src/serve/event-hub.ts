import { randomUUID } from 'node:crypto';
import type { Clock } from '../domain/ports.ts';
import type { LiveEvent, Subscribe } from './deps.ts';
import { summaryOf } from './views.ts';

/** Events kept for clients that come back. */
const RING = 256;

/** Takes one encoded event; false tells the hub to let go of it. */
export type Client = (frame: string) => boolean;

/**
 * Encodes each event once and hands it to every open stream. Ids are `<boot>-<n>`: a client that returns with one of
 * this boot within the ring gets what it missed, any other gets `reset` and reads everything again.
 */
export class EventHub {
  readonly #boot = randomUUID().slice(0, 8);
  readonly #ring: { readonly sequence: number; readonly frame: string }[] = [];
  readonly #clients = new Set<Client>();
  readonly #unsubscribe: () => void;
  readonly #clock: Clock;
  #sequence = 0;

  constructor(subscribe: Subscribe, clock: Clock) {
    this.#clock = clock;
    this.#unsubscribe = subscribe((event) => this.#publish(event));
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Sends what the client missed, then everything new; returns the way out. */
  join(client: Client, lastEventId: string | undefined): () => void {
    client(this.#greeting(lastEventId));
    this.#clients.add(client);
    return () => this.#clients.delete(client);
  }

  close(): void {
    this.#unsubscribe();
    this.#clients.clear();
  }

  #greeting(lastEventId: string | undefined): string {
    const here = `id: ${this.#boot}-${this.#sequence}\n`;
    const opening = `retry: 2000\n${here}event: hello\ndata: {}\n\n`;
    if (lastEventId === undefined || lastEventId === '') return opening;
    const [boot, count] = lastEventId.split('-');
    const last = Number(count);
    const oldest = this.#ring[0]?.sequence ?? this.#sequence + 1;
    const known = boot === this.#boot && Number.isInteger(last) && last <= this.#sequence && last >= oldest - 1;
    if (!known) return `retry: 2000\n${here}event: reset\ndata: {}\n\n`;
    const missed = this.#ring.filter(({ sequence }) => sequence > last).map(({ frame }) => frame);
    return `retry: 2000\n\n${missed.join('')}${opening}`;
  }

  #publish(event: LiveEvent): void {
    this.#sequence += 1;
    const frame = `id: ${this.#boot}-${this.#sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(dataOf(event, this.#clock))}\n\n`;
    this.#ring.push({ sequence: this.#sequence, frame });
    if (this.#ring.length > RING) this.#ring.shift();
    for (const client of this.#clients) if (!client(frame)) this.#clients.delete(client);
  }
}

function dataOf(event: LiveEvent, clock: Clock): unknown {
  switch (event.type) {
    case 'incident':
      return summaryOf(event.incident);
    case 'health':
      return { watermark: event.watermark, items: event.services };
    case 'tick':
      return { at: event.at, now: clock.now(), stats: event.stats };
  }
}
