import type { Options, OptionsSpec } from '../../domain/options.ts';
import type { Clock, Notifier } from '../../domain/ports.ts';

/**
 * What a receiver must remember of an incident across restarts: the message that it edits, the issue that it opened. Keys are
 * the receiver's own; values small. `null` forgets.
 */
export interface ReceiverMemory {
  recall(key: string): Promise<string | null>;
  keep(key: string, value: string | null): Promise<void>;
}

/** What the program gives a receiver; options come from the user. */
export interface ReceiverContext {
  readonly clock: Clock;
  /** Name in the configuration. */
  readonly name: string;
  readonly memory: ReceiverMemory;
}

/** A kind of receiver: one folder and one line in `registry.ts`. */
export interface ReceiverType<S extends OptionsSpec = OptionsSpec> {
  readonly type: string;
  readonly options: S;
  /** Options that must be given, and those that hold secrets (never shown, logged or thrown). */
  readonly required: readonly (keyof S & string)[];
  readonly secrets: readonly (keyof S & string)[];
  /** Set where the other side forgets an alert that is not repeated: how often an open incident is sent again, in ms. */
  readonly refreshEvery?: (options: Options<S>) => number;
  /** Options that are templates (`template/README.md`), checked when the configuration is read. */
  readonly templates?: readonly (keyof S & string)[];
  /** What is wrong with options that are each fine by themselves; null when nothing is. */
  readonly fault?: (options: Options<S>) => { readonly key: keyof S & string; readonly message: string } | null;
  create(options: Options<S>, context: ReceiverContext): Notifier;
}

/** Keeps nothing across restarts: for tests, and where no store is at hand. */
export function createMemory(): ReceiverMemory {
  const held = new Map<string, string>();
  return {
    recall: async (key) => held.get(key) ?? null,
    keep: async (key, value) => {
      if (value === null) held.delete(key);
      else held.set(key, value);
    },
  };
}
