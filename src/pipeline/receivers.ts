import type { ReceiverType } from '../alert/notify/receiver.ts';
import { RECEIVERS } from '../alert/notify/registry.ts';
import { TocsinError } from '../domain/error.ts';
import type { Clock, Notification, Notifier } from '../domain/ports.ts';
import type { Settings } from './settings.ts';

export interface Receivers {
  /** By the name that the configuration gives a receiver; each tells all its targets. */
  readonly notifiers: ReadonlyMap<string, Notifier>;
  /** Those whose other side forgets what is not repeated, with the shortest interval in ms. */
  readonly refresh: ReadonlyMap<string, number>;
}

/** Makes the configured receivers. @throws TocsinError `invalid_config` for a name given twice. */
export function createReceivers(settings: Settings, clock: Clock): Receivers {
  const notifiers = new Map<string, Notifier>();
  const refresh = new Map<string, number>();
  for (const receiver of settings.receivers) {
    if (notifiers.has(receiver.name)) throw new TocsinError('invalid_config', `receivers: the name '${receiver.name}' is used twice`);
    const targets: Notifier[] = [];
    for (const type of RECEIVERS as readonly ReceiverType[]) {
      const configs = (receiver as unknown as Record<string, Record<string, never>[]>)[`${type.type}_configs`] ?? [];
      for (const options of configs) targets.push(type.create(options, { clock, name: receiver.name }));
      if (configs.length > 0 && type.refreshEvery !== undefined) refresh.set(receiver.name, Math.min(type.refreshEvery, refresh.get(receiver.name) ?? Number.POSITIVE_INFINITY));
    }
    notifiers.set(receiver.name, all(receiver.name, targets));
  }
  return { notifiers, refresh };
}

/** One notifier for several targets: all are tried; the first fault that a retry can mend wins. */
function all(name: string, targets: readonly Notifier[]): Notifier {
  if (targets.length === 1) return targets[0]!;
  return {
    name,
    async send(notification: Notification, dedupKey: string, signal): Promise<void> {
      const results = await Promise.allSettled(targets.map((target) => target.send(notification, dedupKey, signal)));
      const faults = results.filter((result) => result.status === 'rejected').map((result) => result.reason as TocsinError);
      const fault = faults.find((candidate) => candidate.retryable) ?? faults[0];
      if (fault !== undefined) throw fault;
    },
  };
}
