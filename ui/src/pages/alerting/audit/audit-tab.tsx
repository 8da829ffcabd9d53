import { Button, Select, TextInput } from '@mantine/core';
import { useMemo } from 'react';
import { useAudit } from '../../../api/alerting.ts';
import type { WireAudit } from '../../../api/types.ts';
import { plural } from '../../../shared/format.ts';
import { Empty, Fetched, Panel, Scroller } from '../../../shared/panel.tsx';
import { href, Link, useSearch } from '../../../shared/router.tsx';
import { Time, useNow } from '../../../shared/time.tsx';
import type { Head } from '../alerting-page.tsx';
import styles from './audit.module.css';
import { actionWords, detailWords } from './audit-words.ts';

const DAY = 86_400_000;
const SPANS: Readonly<Record<string, readonly [label: string, days: number]>> = {
  '1d': ['Last day', 1],
  '7d': ['Last week', 7],
  '30d': ['Last 30 days', 30],
};
const LIMIT = 1_000;

/** Every change that people made, newest first; the filters live in the URL. */
export function AuditTab({ head }: { head: Head }) {
  const search = useSearch();
  const now = useNow(60_000);
  const since = SPANS[search.get('since')];
  const audit = useAudit({
    limit: LIMIT,
    ...(since === undefined ? {} : { from: Math.floor(now / 60_000) * 60_000 - since[1] * DAY }),
  });
  const [who, about, text] = [search.get('who'), search.get('about'), search.get('q')];
  const all = audit.data?.items ?? [];
  const people = useMemo(() => [...new Set(all.map(({ by }) => by))].toSorted(), [all]);
  const kinds = useMemo(() => [...new Set(all.map(({ action }) => action.split('.')[0] ?? ''))].toSorted(), [all]);
  const words = text.toLowerCase().trim();
  const items = all.filter(
    (entry) =>
      (who === '' || entry.by === who) &&
      (about === '' || entry.action.startsWith(`${about}.`)) &&
      (words === '' ||
        `${entry.by} ${entry.from} ${entry.action} ${entry.subject} ${JSON.stringify(entry.detail)}`
          .toLowerCase()
          .includes(words)),
  );
  return (
    <>
      {head(
        <>
          <TextInput
            size="xs"
            w={180}
            type="search"
            aria-label="Find in the audit log"
            placeholder="Id, label, comment"
            value={text}
            data-search
            onChange={(event) => search.set({ q: event.currentTarget.value })}
          />
          <Filter
            label="Who"
            none="Anybody"
            value={who}
            data={people}
            set={(value) => search.set({ who: value }, { push: true })}
          />
          <Filter
            label="What"
            none="Anything"
            value={about}
            data={kinds}
            set={(value) => search.set({ about: value }, { push: true })}
          />
          <Select
            size="xs"
            w={130}
            aria-label="Since"
            placeholder="Any time"
            data={Object.entries(SPANS).map(([value, [label]]) => ({ value, label }))}
            value={search.get('since') === '' ? null : search.get('since')}
            onChange={(value) => search.set({ since: value }, { push: true })}
            clearable
            clearButtonProps={{ 'aria-label': 'Any time' }}
          />
        </>,
      )}
      <Panel flush>
        <Fetched query={audit} what="the audit log" rows={8}>
          {() =>
            all.length === 0 ? (
              <Empty title="Nothing was changed yet">
                Acknowledgements, verdicts, silences, windows and reloads are written down here, with who and from
                where.
              </Empty>
            ) : items.length === 0 ? (
              <Empty title="No entry matches">
                Take away a filter, or{' '}
                <Button
                  size="compact-xs"
                  variant="default"
                  onClick={() => search.set({ who: null, about: null, since: null, q: null }, { push: true })}
                >
                  show all
                </Button>
              </Empty>
            ) : (
              <>
                <p className="visually-hidden" role="status">
                  {plural(items.length, 'entry').replace('entrys', 'entries')}
                </p>
                <Entries items={items} />
                {all.length === LIMIT && (
                  <p className={styles.more}>The newest {LIMIT}; choose a shorter time for older ones.</p>
                )}
              </>
            )
          }
        </Fetched>
      </Panel>
    </>
  );
}

function Filter({
  label,
  none,
  value,
  data,
  set,
}: {
  label: string;
  none: string;
  value: string;
  data: readonly string[];
  set: (value: string | null) => void;
}) {
  return (
    <Select
      size="xs"
      w={130}
      aria-label={label}
      placeholder={none}
      data={value === '' || data.includes(value) ? [...data] : [value, ...data]}
      value={value === '' ? null : value}
      onChange={set}
      searchable
      clearable
      clearButtonProps={{ 'aria-label': none }}
    />
  );
}

function Entries({ items }: { items: readonly WireAudit[] }) {
  return (
    <Scroller label="Audit log">
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">Did</th>
            <th scope="col">With</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {items.map((entry) => (
            <tr key={entry.id}>
              <td>
                <Time at={entry.at} />
              </td>
              <th scope="row">{entry.by}</th>
              <td>{actionWords(entry.action)}</td>
              <td className={styles.with}>
                <Subject entry={entry} />
                <span className={styles.detail}>{detailWords(entry.detail)}</span>
              </td>
              <td className="mono">{entry.from}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

/** Leads to what was changed, where that has a page. */
function Subject({ entry }: { entry: WireAudit }) {
  const { action, subject } = entry;
  if (action.startsWith('incident.')) return <Link to={href(`incidents/${subject}`)}>{subject}</Link>;
  if (action.startsWith('silence.')) return <Link to={href('alerting/silences', { q: subject })}>silence</Link>;
  if (action.startsWith('maintenance.')) return <Link to={href('alerting/maintenance')}>window</Link>;
  return <span>{subject}</span>;
}
