import type { Signal } from '../../src/domain/ports.ts';

/** Parent to child. `at` is what the child's clock says from then on. */
export type ToChild =
  | {
      readonly type: 'request';
      readonly number: number;
      readonly signal: Signal;
      readonly at: number;
      readonly body: Uint8Array;
    }
  | { readonly type: 'finish'; readonly at: number };

export interface Finished {
  readonly type: 'finished';
  readonly stateHash: string;
  readonly partHashes: Readonly<Record<string, string>>;
  readonly correlator: string;
  readonly incidents: string;
  readonly decisions: readonly string[];
  readonly outbox: readonly { readonly id: string; readonly state: string }[];
  /** Samples in history by "service metric". */
  readonly counts: Readonly<Record<string, number>>;
}

export type FromChild =
  | { readonly type: 'ready'; readonly watermark: number }
  | { readonly type: 'applied'; readonly number: number }
  | { readonly type: 'failed'; readonly message: string }
  | Finished;

/** Given to the child as its only argument, JSON. */
export interface ChildArguments {
  readonly dataDir: string;
  readonly webhook: string;
  /** What the clock says at the start. */
  readonly at: number;
  /** Dies at this many file system calls of the log and the snapshots, counted from the start; 0: never. */
  readonly dieAtCall: number;
  /** Where in that call: before it, in the middle of it (half the bytes written), or after it. */
  readonly dieWhen: 'before' | 'torn' | 'after';
}
