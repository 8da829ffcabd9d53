import type { IntakeResult, SignalSink } from '../domain/ports.ts';

/**
 * Turns one inflated body into columns. One instance a shard and signal; batches are reused between calls.
 *
 * Contract: a body that is not what its format says throws TocsinError `bad_payload` naming the byte offset, before anything
 * of it reaches the sink or the series table; a single bad item is left out and counted; batches hold at most 2048 items.
 */
export interface PayloadDecoder {
  decode(body: Uint8Array, tenant: string, sink: SignalSink): IntakeResult;
}
