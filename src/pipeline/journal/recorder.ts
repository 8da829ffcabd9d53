import type { DecisionStamp } from '../../domain/identity.ts';
import { bare, type JournalCommand } from '../../domain/replay/journal.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { type EpochMs, HOUR } from '../../domain/units.ts';
import type { FileJournal } from '../../store/journal/journal.ts';
import type { Settings } from '../settings.ts';
import { COMMANDS } from './commands.ts';

/** A replay to any moment repeats at most this much, in event time. */
const CHECKPOINT_EVERY = HOUR;

/** Writes down what moves the correlator, in the order in which it moves it. */
export interface Recorder {
  command(command: JournalCommand): void;
  report(report: TickReport, late: boolean): void;
  /** Call right before the control store takes the same state: never behind it, and at most one commit ahead. */
  commit(state: () => string, applied: Readonly<Record<string, number>>): void;
}

export interface RecorderOptions {
  readonly stamp: DecisionStamp;
  readonly externalUrl: string;
  readonly settings: Settings;
  /** What the control store knows at the start. */
  readonly saved: { readonly state: string; readonly applied: Readonly<Record<string, number>> } | null;
  readonly watermark: EpochMs;
}

export function createRecorder(journal: FileJournal, options: RecorderOptions): Recorder {
  const { stamp, externalUrl, saved } = options;
  const settings = withoutSecrets(options.settings);
  const standing = new Map<string, JournalCommand>();
  let since = options.watermark;
  let newest = options.watermark;
  journal.reconcile(saved?.applied ?? {});
  const checkpoint = (start: boolean, state: string | null, applied: Readonly<Record<string, number>>): void => {
    journal.begin({
      kind: 'checkpoint',
      at: newest,
      start,
      state,
      applied,
      stamp,
      externalUrl,
      settings,
      standing: [...standing.values()],
    });
    since = newest;
  };
  checkpoint(true, saved?.state ?? null, saved?.applied ?? {});
  return {
    command(command) {
      if (COMMANDS[command.method] === 'standing') standing.set(command.method, command);
      journal.append({ kind: 'command', command });
    },
    report(report, late) {
      journal.append({ kind: 'report', late, report: bare(report) });
      if (report.provisional) return;
      if (since === 0) since = report.at;
      newest = Math.max(newest, report.at);
    },
    commit(state, applied) {
      journal.flush();
      if (newest - since >= CHECKPOINT_EVERY) checkpoint(false, state(), applied);
    },
  };
}

/** All that decides, nothing that opens a door: receivers are known by name. */
function withoutSecrets(settings: Settings): Settings {
  return {
    ...settings,
    receivers: settings.receivers.map(({ name }) => ({ name }) as Settings['receivers'][number]),
    api: { ...settings.api, bearer_token: '', slack_signing_secret: '' },
    ingest: { ...settings.ingest, bearer_token: '' },
  };
}
