import { type Logger, pino } from 'pino';

/** Our own log: JSON lines on standard error, so that standard output stays for what a command prints. */
export function createLog(level: string): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

export type { Logger };
