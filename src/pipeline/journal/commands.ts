import type { JournalCommand } from '../../domain/journal.ts';
import type { Correlator } from '../correlator/correlator.ts';

/**
 * What people do to the correlator between reports. Each takes plain data only, so that it can be written down and done again.
 * `standing`: its effect is not part of the saved state; the last call counts, and is repeated after a restart.
 */
export const COMMANDS = {
  setSilences: 'standing',
  setMaintenance: 'standing',
  acknowledge: 'state',
  verdict: 'state',
} as const satisfies Partial<Record<keyof Correlator, 'standing' | 'state'>>;

type Method = keyof typeof COMMANDS;
export const isCommand = (name: PropertyKey): name is Method => Object.hasOwn(COMMANDS, name);

/** The same correlator, whose commands are written down once they are done. */
export function recording(correlator: Correlator, record: (command: JournalCommand) => void): Correlator {
  return new Proxy(correlator, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (!isCommand(key)) return value.bind(target) as unknown;
      return (...args: readonly unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        record({ method: key, args });
        return result;
      };
    },
  });
}

/** Does a command again. One that this version does not know is passed over. */
export function repeat(correlator: Correlator, { method, args }: JournalCommand): void {
  if (isCommand(method)) Reflect.apply(correlator[method] as (...args: unknown[]) => unknown, correlator, [...args]);
}
