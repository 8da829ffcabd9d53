import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { TocsinError } from '../../domain/error.ts';
import { createBacktests, type RunningBacktests } from '../../pipeline/backtest/jobs.ts';
import { settingsSchema } from '../../pipeline/settings.ts';
import { openSqliteControlStore } from '../../store/control/sqlite.ts';

/**
 * Replays over a data folder without a server, or beside the one that runs on it: nothing is written.
 * @throws TocsinError `not_found` when the folder is none of ours.
 */
export async function withLocal<T>(dataDir: string, work: (backtests: RunningBacktests) => Promise<T>): Promise<T> {
  const file = join(dataDir, 'control.sqlite');
  if (!existsSync(file)) throw new TocsinError('not_found', `${dataDir} is no data_dir: there is no control.sqlite`);
  const control = openSqliteControlStore(file);
  const loaded = loadConfig(null, settingsSchema, {});
  const backtests = createBacktests({
    dataDir,
    control,
    // Series are named by the history store, which only one process may open.
    history: { series: () => Promise.resolve(null) },
    clock: { now: () => Date.now() },
    loaded: () => loaded,
  });
  try {
    return await work(backtests);
  } finally {
    await backtests.close();
    await control.close();
  }
}
