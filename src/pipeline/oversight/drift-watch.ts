import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { StateBlob } from '../../domain/detector.ts';
import type { DriftReport } from '../../domain/learning/drift.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { SERIES_KIND, type SeriesInfo } from '../../domain/signal/series.ts';
import { createDriftMonitor } from '../../learn/drift/monitor.ts';

/** Series of a report that are looked at: enough for shares of 1 %, whatever the number of series. */
const MOST_ROWS = 4_096;
const VERSION = 1;

const KIND_NAMES = Object.keys(SERIES_KIND);

/** What a series is, for drift: what it comes from, and of metrics what its numbers are. */
const classOf = ({ modality, kind }: SeriesInfo): string =>
  modality === 'metric' ? `metric/${KIND_NAMES[kind] ?? 'gauge'}` : modality;

export interface DriftWatch {
  /** Looks at the windows of a report, in the order in which reports are applied. */
  observe(report: TickReport): void;
  read(): DriftReport;
  /** Writes its state; best effort: what is lost is a part of a day's statistics. */
  save(): void;
}

/**
 * The drift monitor over the reports of all shards. A window's surprise is the largest of its samples: with n of them a p
 * becomes 1 - (1 - p)^n. Its state is a file of its own, no part of a snapshot: nothing that is decided depends on it.
 * @param path null: it is not kept.
 */
export function createDriftWatch(path: string | null, onWarning: (message: string) => void): DriftWatch {
  const monitor = createDriftMonitor();
  const names: string[] = [];
  const numbers = new Map<string, number>();
  /** Class of each series of a shard, as its number in `names` plus 1; 0 is not known. */
  const classes = new Map<number, Uint8Array>();

  const numberOf = (name: string): number => {
    let number = numbers.get(name);
    if (number === undefined) {
      number = names.push(name);
      numbers.set(name, number);
    }
    return number;
  };

  const restore = (): void => {
    if (path === null || !existsSync(path)) return;
    const saved = JSON.parse(readFileSync(path, 'utf8')) as {
      version: number;
      monitor: Omit<StateBlob, 'arrays'> & { arrays: Record<string, string> };
      names: string[];
      classes: [number, string][];
    };
    if (saved.version !== VERSION) return;
    const arrays = Object.fromEntries(
      Object.entries(saved.monitor.arrays).map(([key, text]) => [key, numbersOf(text)]),
    );
    monitor.restore({ ...saved.monitor, arrays });
    for (const name of saved.names) numberOf(name);
    for (const [shard, bytes] of saved.classes) classes.set(shard, new Uint8Array(Buffer.from(bytes, 'base64')));
  };
  try {
    restore();
  } catch (error) {
    onWarning(`drift statistics begin anew: ${String(error)}`);
  }

  return {
    observe(report) {
      let own = classes.get(report.shard) ?? new Uint8Array(0);
      for (const { index, info } of report.newSeries) {
        if (index >= own.length) {
          const larger = new Uint8Array(Math.max(256, index + 1, own.length * 2));
          larger.set(own);
          own = larger;
        }
        own[index] = numberOf(classOf(info));
      }
      classes.set(report.shard, own);
      if (report.provisional) return;
      monitor.advance(report.at);
      const { length, series, surprise, count } = report.windows;
      const stride = Math.max(1, Math.ceil(length / MOST_ROWS));
      // Another part of the series each time, by the number of the report: the same reports, the same choice.
      for (let i = report.sequence % stride; i < length; i += stride) {
        const found = own[series[i]!];
        const s = surprise[i]!;
        if (found === undefined || found === 0 || s <= 0) continue;
        const n = count[i]!;
        monitor.add(names[found - 1]!, n > 1 ? -Math.log10(-Math.expm1(n * Math.log1p(-(10 ** -s)))) : s);
      }
    },

    read: () => ({ items: monitor.findings(), classes: monitor.classes() }),

    save() {
      if (path === null) return;
      const state = monitor.save();
      const text = JSON.stringify({
        version: VERSION,
        monitor: {
          ...state,
          arrays: Object.fromEntries(
            Object.entries(state.arrays).map(([key, values]) => [
              key,
              Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'),
            ]),
          ),
        },
        names,
        classes: [...classes].map(([shard, bytes]) => [shard, Buffer.from(bytes).toString('base64')]),
      });
      try {
        writeFileSync(`${path}.new`, text);
        renameSync(`${path}.new`, path);
      } catch (error) {
        onWarning(`drift statistics are not kept: ${String(error)}`);
      }
    },
  };
}

const numbersOf = (text: string): Float64Array<ArrayBuffer> =>
  new Float64Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
