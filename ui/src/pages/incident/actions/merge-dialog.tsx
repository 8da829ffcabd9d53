import { Checkbox, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useIncidentAction } from '../../../api/incident-actions.ts';
import { useIncidents } from '../../../api/queries.ts';
import type { WireIncident, WireIncidentSummary } from '../../../api/types.ts';
import { Confirm } from '../../../shared/dialog.tsx';
import { plural } from '../../../shared/format.ts';
import { useNames } from '../../../shared/names.tsx';
import { Fetched } from '../../../shared/panel.tsx';
import { href, navigate } from '../../../shared/router.tsx';
import { SeveritySign } from '../../../shared/signs.tsx';
import { Time } from '../../../shared/time.tsx';
import { useWho } from '../../../shared/who.tsx';
import styles from './actions.module.css';

/** Two of one story: the older stays, and says what it took in. */
export function MergeDialog({ incident, close }: { incident: WireIncident; close: () => void }) {
  const { by } = useWho();
  const { words, short } = useNames();
  const incidents = useIncidents({ limit: 50 });
  const merge = useIncidentAction(incident.id, 'merge');
  const [chosen, choose] = useState<readonly string[]>([]);
  const [text, type] = useState('');
  const others = (incidents.data?.pages.flatMap((page) => page.items) ?? [])
    .filter(({ id }) => id !== incident.id)
    .filter((item) => `${item.title} ${item.id} ${item.services.join(' ')}`.toLowerCase().includes(text.toLowerCase()))
    .toSorted((a, b) => distance(a, incident) - distance(b, incident));
  const all = incidents.data?.pages.flatMap((page) => page.items) ?? [];
  const taken = all.filter(({ id }) => chosen.includes(id));
  const oldest = [incident, ...taken].toSorted((a, b) => a.openedAt - b.openedAt)[0] ?? incident;
  return (
    <Confirm
      opened
      close={close}
      title="Merge incidents"
      action={chosen.length === 0 ? 'Choose one' : `Merge ${plural(chosen.length + 1, 'incident')}`}
      disabled={chosen.length === 0}
      change={merge}
      go={() =>
        merge.mutate(
          { with: chosen, ...by },
          {
            onSuccess: (kept) => {
              close();
              if (kept.id !== incident.id) navigate(href(`incidents/${kept.id}`, { from: incident.id }));
            },
          },
        )
      }
    >
      <p>Which are part of the same story?</p>
      <TextInput
        size="xs"
        type="search"
        aria-label="Find an incident"
        placeholder="Title, service or id"
        value={text}
        data-autofocus
        onChange={(event) => type(event.currentTarget.value)}
      />
      <Fetched query={incidents} what="the incidents">
        {() =>
          others.length === 0 ? (
            <p className="muted">{text === '' ? 'There is no other incident.' : 'Nothing matches.'}</p>
          ) : (
            <ul className={styles.choices} aria-label="Incidents to merge with">
              {others.slice(0, 30).map((item) => (
                <li key={item.id}>
                  <Checkbox
                    size="xs"
                    checked={chosen.includes(item.id)}
                    onChange={(event) =>
                      choose(event.currentTarget.checked ? [...chosen, item.id] : chosen.filter((id) => id !== item.id))
                    }
                    label={
                      <span className={styles.choice}>
                        <span>
                          <SeveritySign severity={item.severity} bare /> {words(item.title, item.onset)}
                        </span>
                        <span className="muted">
                          <Time at={item.onset} />, {item.status}, {item.services.map(short).join(', ')}
                        </span>
                      </span>
                    }
                  />
                </li>
              ))}
            </ul>
          )
        }
      </Fetched>
      {taken.length > 0 && (
        <p className={styles.outcome} role="status">
          <b>{words(oldest.title, oldest.onset)}</b> stays, as the oldest, with{' '}
          {[...new Set([incident, ...taken].flatMap(({ services }) => services))].map(short).join(', ')}. Links to the
          others lead to it, and their messages are resolved.
        </p>
      )}
    </Confirm>
  );
}

/** Same time first: what began together is most often one story. */
const distance = (item: WireIncidentSummary, incident: WireIncident): number =>
  Math.abs(item.onset - incident.onset) - (item.services.some((s) => incident.services.includes(s)) ? 3_600_000 : 0);
