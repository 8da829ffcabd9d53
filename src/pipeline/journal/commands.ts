import { TocsinError } from '../../domain/error.ts';
import type { JournalCommand } from '../../domain/replay/journal.ts';
import type { Correlator, CorrelatorStep } from '../correlator/correlator.ts';

/**
 * What people do to the correlator between reports. Each takes plain data only, so that it can be written down and done again.
 * `standing`: its effect is not part of the saved state; the last call counts, and is repeated after a restart.
 */
export const COMMANDS: Readonly<Record<string, 'standing' | 'state'>> = {
  setSilences: 'standing',
  setMaintenance: 'standing',
  setTriage: 'standing',
  act: 'state',
  acknowledge: 'state',
  verdict: 'state',
};

const isCommand = (name: PropertyKey): name is string => typeof name === 'string' && Object.hasOwn(COMMANDS, name);

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

/**
 * Does a command again and returns what it led to, null for nothing. One that this version does not know, or that finds other
 * incidents than were there (a changed configuration has made others), is passed over.
 */
export function repeat(correlator: Correlator, { method, args }: JournalCommand): CorrelatorStep | null {
  const known: unknown = isCommand(method) ? correlator[method as keyof Correlator] : undefined;
  if (typeof known !== 'function') return null;
  try {
    const result: unknown = Reflect.apply(known, correlator, [...args]);
    return method === 'act' ? (result as CorrelatorStep) : null;
  } catch (error) {
    if (error instanceof TocsinError) return null;
    throw error;
  }
}
