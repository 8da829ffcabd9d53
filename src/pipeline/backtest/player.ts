import type { DecisionStamp } from '../../domain/identity.ts';
import type { JournalCheckpoint, JournalCommand } from '../../domain/replay/journal.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { COMMANDS } from '../journal/commands.ts';
import type { Settings } from '../settings.ts';
import { checkpointOf, entriesFrom, type Retained, settingsOf } from './retained.ts';
import { Side, whole } from './side.ts';

/** A report about to be taken, and everything that is so at that moment. */
export interface Moment {
  readonly report: TickReport;
  readonly late: boolean;
  /** Has everything before the report, and not the report: take it there, or stop. */
  readonly side: Side;
  readonly settings: Settings;
  readonly stamp: DecisionStamp;
  readonly externalUrl: string;
  /** Silences and windows in force. */
  readonly standing: readonly JournalCommand[];
}

/** What was written down, from a checkpoint on, as it happened. Whoever iterates takes the reports. */
export function* moments(retained: Retained, segment: number): Generator<Moment> {
  let checkpoint: JournalCheckpoint = checkpointOf(retained.segments[segment]!);
  const of = (entry: JournalCheckpoint) => ({
    settings: settingsOf(entry),
    stamp: entry.stamp,
    externalUrl: entry.externalUrl,
  });
  let standing = new Map(checkpoint.standing.map((command) => [command.method, command]));
  const side = new Side({ ...of(checkpoint), keepDecisions: true }, checkpoint.state, checkpoint.standing);
  let first = true;
  for (const entry of entriesFrom(retained, segment)) {
    if (entry.kind === 'report') {
      yield {
        report: whole(entry.report),
        late: entry.late,
        side,
        ...of(checkpoint),
        standing: [...standing.values()],
      };
    } else if (entry.kind === 'command') {
      if (COMMANDS[entry.command.method] === 'standing') standing.set(entry.command.method, entry.command);
      side.command(entry.command);
    } else if (first) first = false;
    else if (entry.start) {
      checkpoint = entry;
      standing = new Map(entry.standing.map((command) => [command.method, command]));
      side.restart(of(entry), entry.state);
      for (const command of entry.standing) side.command(command);
    }
  }
}
