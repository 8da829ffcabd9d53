import type { WireTimelineEntry } from '../../api/types.ts';
import { useNames } from '../../shared/names.tsx';
import { Time } from '../../shared/time.tsx';
import styles from './incident.module.css';

const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

/** What happened, in order. */
export function Timeline({ entries }: { entries: readonly WireTimelineEntry[] }) {
  const { words } = useNames();
  const ordered = entries.toSorted((a, b) => a.at - b.at);
  return (
    <ol className={styles.timeline}>
      {ordered.map((entry, index) => {
        const before = ordered[index - 1];
        const newDay = before === undefined || day.format(before.at) !== day.format(entry.at);
        return (
          <li key={`${entry.at}${entry.kind}${entry.text}`} data-kind={entry.kind}>
            {newDay && <span className={styles.day}>{day.format(entry.at)}</span>}
            <span className={styles.when}>
              <Time at={entry.at} look="clock" />
            </span>
            <span>{words(entry.text, entry.at)}</span>
          </li>
        );
      })}
    </ol>
  );
}
