import { createMemory, type ReceiverMemory, type ReceiverType } from '../alert/notify/receiver.ts';
import { RECEIVERS } from '../alert/notify/registry.ts';
import { TocsinError } from '../domain/error.ts';
import type { Clock, ControlStore, Notification, Notifier } from '../domain/ports.ts';
import type { Settings } from './settings.ts';

export interface Receivers {
  /** By the name that the configuration gives a receiver; each tells all its targets. */
  readonly notifiers: ReadonlyMap<string, Notifier>;
  /** Targets whose other side forgets what is not repeated, with the shortest interval in ms. */
  readonly refresh: ReadonlyMap<string, { readonly every: number; readonly notifier: Notifier }>;
}

type Memory = Pick<ControlStore, 'recall' | 'remember'>;

/**
 * Makes the configured receivers. What they remember is kept in the control store, so that a restart edits the same message.
 * @throws TocsinError `invalid_config` for a name given twice.
 */
export function createReceivers(settings: Settings, clock: Clock, store: Memory | null = null): Receivers {
  const notifiers = new Map<string, Notifier>();
  const refresh = new Map<string, { every: number; notifier: Notifier }>();
  for (const receiver of settings.receivers) {
    if (notifiers.has(receiver.name))
      throw new TocsinError('invalid_config', `receivers: the name '${receiver.name}' is used twice`);
    const targets: Notifier[] = [];
    const forgetful: Notifier[] = [];
    let every = Number.POSITIVE_INFINITY;
    for (const type of RECEIVERS as readonly ReceiverType[]) {
      const configs = (receiver as unknown as Record<string, Record<string, never>[]>)[`${type.type}_configs`] ?? [];
      configs.forEach((options, i) => {
        const memory = store === null ? createMemory() : memoryIn(store, clock, receiver.name, `${type.type}/${i}`);
        const target = type.create(options, { clock, name: receiver.name, memory });
        targets.push(target);
        if (type.refreshEvery === undefined) return;
        forgetful.push(target);
        every = Math.min(every, type.refreshEvery(options));
      });
    }
    notifiers.set(receiver.name, all(receiver.name, targets));
    if (forgetful.length > 0) refresh.set(receiver.name, { every, notifier: all(receiver.name, forgetful) });
  }
  return { notifiers, refresh };
}

const memoryIn = (store: Memory, clock: Clock, receiver: string, target: string): ReceiverMemory => ({
  recall: (key) => store.recall(receiver, `${target}/${key}`),
  keep: (key, value) => store.remember(receiver, `${target}/${key}`, value, clock.now()),
});

/** Deliveries whose targets are partly done that are remembered; beyond that a retry may repeat one. */
const MAX_PARTIAL = 10_000;

/**
 * One notifier for several targets: all are tried; the first fault that a retry can mend wins. A retry goes only to the
 * targets that have not taken it yet.
 */
function all(name: string, targets: readonly Notifier[]): Notifier {
  if (targets.length === 1) return targets[0]!;
  const taken = new Map<string, Set<number>>();
  return {
    name,
    async send(notification: Notification, dedupKey: string, signal): Promise<void> {
      const done = taken.get(dedupKey) ?? new Set<number>();
      const results = await Promise.allSettled(
        targets.map(async (target, i) => {
          if (done.has(i)) return;
          await target.send(notification, dedupKey, signal);
          done.add(i);
        }),
      );
      taken.delete(dedupKey);
      const faults = results
        .filter((result) => result.status === 'rejected')
        .map((result) => result.reason as TocsinError);
      const fault = faults.find((candidate) => candidate.retryable) ?? faults[0];
      if (fault === undefined) return;
      // What is refused for good by one target is not tried there again while another is retried.
      results.forEach((result, i) => {
        if (result.status === 'rejected' && (result.reason as TocsinError).retryable === false) done.add(i);
      });
      if (fault.retryable) {
        taken.set(dedupKey, done);
        if (taken.size > MAX_PARTIAL) taken.delete(taken.keys().next().value!);
      }
      throw fault;
    },
  };
}
