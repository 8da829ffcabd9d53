import { join } from 'node:path';
import { FileJournal } from '../../store/journal/journal.ts';
import type { Settings } from '../settings.ts';

export const journalFolder = (dataDir: string): string => join(dataDir, 'ticks');

/** Null when the configuration keeps none. */
export function openJournal(settings: Settings): FileJournal | null {
  const { ticks } = settings.retention;
  return ticks === 0 ? null : new FileJournal({ directory: journalFolder(settings.data_dir), maxBytes: ticks });
}
