import type { Options, OptionsSpec } from '../../domain/options.ts';
import type { Clock, Notifier } from '../../domain/ports.ts';

/** What the program gives a receiver; options come from the user. */
export interface ReceiverContext {
  readonly clock: Clock;
  /** Name in the configuration. */
  readonly name: string;
}

/** A kind of receiver: one folder and one line in `registry.ts`. */
export interface ReceiverType<S extends OptionsSpec = OptionsSpec> {
  readonly type: string;
  readonly options: S;
  /** Options that must be given, and those that hold secrets (never shown, logged or thrown). */
  readonly required: readonly (keyof S & string)[];
  readonly secrets: readonly (keyof S & string)[];
  /** Set where the other side forgets an alert that is not repeated: how often an open incident is sent again, in ms. */
  readonly refreshEvery?: number;
  create(options: Options<S>, context: ReceiverContext): Notifier;
}
