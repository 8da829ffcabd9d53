import type { MaintenanceWindow, RecurrenceSpec, Silence } from '../../domain/alerting/suppression.ts';
import type { Comparison, ProposedChange } from '../../domain/replay/backtest.ts';
import type { JournalCommand } from '../../domain/replay/journal.ts';
import { DAY, type EpochMs } from '../../domain/units.ts';
import type { Settings } from '../settings.ts';

/** What a change does to one side: other settings, or other silences and windows. */
export interface AppliedChange {
  readonly settings: Settings;
  readonly adjust?: (command: JournalCommand) => JournalCommand;
  /** Commands that are in force from the start, whatever was. */
  readonly standing?: (standing: readonly JournalCommand[]) => readonly JournalCommand[];
  readonly notes: readonly string[];
}

const FOREVER = 8.64e15;

/** @param settings the side's own, with the new configuration already in it where the change is one. */
export function applyChange(change: ProposedChange | undefined, settings: Settings, from: EpochMs): AppliedChange {
  switch (change?.kind) {
    case 'silence': {
      const silence: Silence = {
        id: 'preview',
        matchers: change.matchers,
        startsAt: 0,
        endsAt: FOREVER,
        createdBy: 'preview',
        comment: 'proposed',
        updatedAt: 0,
      };
      return {
        settings,
        ...adding('setSilences', silence),
        notes: ['as if the silence had been in force the whole time'],
      };
    }
    case 'maintenance': {
      const shifted = change.recurrences.map((recurrence) => earlier(recurrence, from));
      const window: MaintenanceWindow = {
        id: 'preview',
        name: 'proposed',
        matchers: change.matchers,
        spans: change.spans,
        recurrences: shifted.map(({ recurrence }) => recurrence),
        createdBy: 'preview',
      };
      const moved = shifted.some(({ years }) => years > 0);
      return {
        settings,
        ...adding('setMaintenance', window),
        notes: moved ? ['as if the window had recurred before its first start as well'] : [],
      };
    }
    case 'inhibition': {
      const { source_matchers, target_matchers, equal } = change;
      const rules = [...settings.inhibit_rules, { source_matchers, target_matchers, equal }];
      return { settings: { ...settings, inhibit_rules: rules } as Settings, notes: [] };
    }
    default:
      return { settings, notes: [] };
  }
}

/** One item more in every list that people set. */
function adding(method: string, item: unknown): Pick<AppliedChange, 'adjust' | 'standing'> {
  const adjust = (command: JournalCommand): JournalCommand =>
    command.method === method ? { method, args: [[...(command.args[0] as readonly unknown[]), item]] } : command;
  return {
    adjust,
    // A side that nobody set anything for yet has it all the same.
    standing: (standing) =>
      standing.some((command) => command.method === method) ? standing : [...standing, { method, args: [[]] }],
  };
}

/**
 * A rule that begins after the time looked at is moved back by whole years (364 days where weekdays count), so that its
 * occurrences can be seen on the past. One with a COUNT is left: its occurrences are what they are.
 */
function earlier(recurrence: RecurrenceSpec, from: EpochMs): { recurrence: RecurrenceSpec; years: number } {
  const start = Date.parse(`${recurrence.start}Z`);
  if (!(start > from) || recurrence.rrule === '' || /COUNT=/.test(recurrence.rrule)) return { recurrence, years: 0 };
  const years = Math.ceil((start - from) / (364 * DAY));
  const byDate = /FREQ=(MONTHLY|YEARLY)/.test(recurrence.rrule);
  const moved = byDate ? yearsBack(recurrence.start, years) : new Date(start - years * 364 * DAY).toISOString();
  return { recurrence: { ...recurrence, start: moved.slice(0, 19) }, years };
}

const yearsBack = (start: string, years: number): string =>
  `${String(Number(start.slice(0, 4)) - years).padStart(4, '0')}${start.slice(4)}`;

/** Sections that the detectors read: a change of these needs the raw input. Everything else decides on ticks. */
export function detectionOf(settings: Settings): unknown {
  const { event_time, max_series_per_tenant, series_idle_after } = settings.ingest;
  const { policies } = settings as { policies?: unknown };
  return [settings.detect, settings.features, event_time, max_series_per_tenant, series_idle_after, policies ?? null];
}

/** What differs between two configurations, key by key; where data are kept and how they come in is left out. */
export function changedKeys(before: Settings, after: Settings): Comparison['config']['changed'] {
  const a = flat(before);
  const b = flat(after);
  const keys = [...new Set([...a.keys(), ...b.keys()])].sort();
  return keys.flatMap((path) => {
    const pair = { path: written(path), before: a.get(path) ?? 'absent', after: b.get(path) ?? 'absent' };
    return pair.before === pair.after ? [] : [pair];
  });
}

/** Options of components are written with underscores in the configuration. */
const written = (path: string): string => path.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const LEFT_OUT = /^(data_dir|log_level|api|history|durability|retention|ingest\.(grpc|http|shards|max_|tenant|bearer))/;

function flat(settings: Settings): Map<string, string> {
  const out = new Map<string, string>();
  const visit = (value: unknown, path: string): void => {
    if (LEFT_OUT.test(path)) return;
    if (value !== null && typeof value === 'object' && Object.keys(value).length > 0)
      for (const [key, item] of Object.entries(value)) visit(item, path === '' ? key : `${path}.${key}`);
    else if (value !== undefined) out.set(path, JSON.stringify(value) ?? 'absent');
  };
  // Receivers are told apart by name: what they are told with is no business of a comparison, and may be secret.
  visit({ ...settings, receivers: settings.receivers.map(({ name }) => ({ name })) }, '');
  return out;
}
