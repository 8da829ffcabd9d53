import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useMaintenance, useRemoveMaintenance } from '../../../api/alerting.ts';
import type { WireMaintenance } from '../../../api/types.ts';
import { Confirm } from '../../../shared/dialog.tsx';
import { plural, span } from '../../../shared/format.ts';
import { Empty, Fetched, Panel } from '../../../shared/panel.tsx';
import { useSearch } from '../../../shared/router.tsx';
import { momentWords, Time, useNow } from '../../../shared/time.tsx';
import styles from '../alerting.module.css';
import type { Head } from '../alerting-page.tsx';
import { MatcherChips } from '../matcher-chips.tsx';
import { CalendarImport } from './calendar-import.tsx';
import { MaintenanceEditor } from './maintenance-editor.tsx';
import { recurrenceWords } from './rule.ts';

const SHOWN = 100;
const NEXT = 3;

/** Windows with when they come next, in the reader's time zone; what is on comes first. */
export function MaintenanceTab({ head }: { head: Head }) {
  const search = useSearch();
  const windows = useMaintenance();
  const [removing, remove] = useState<WireMaintenance | null>(null);
  const [said, say] = useState('');
  const text = search.get('q');
  const edited = search.get('edit');
  const base = windows.data?.items.find(({ id }) => id === edited);
  const close = () => search.set({ new: null, edit: null, import: null });
  return (
    <>
      {head(
        <>
          <TextInput
            size="xs"
            w={180}
            type="search"
            aria-label="Find a window"
            placeholder="Name, label, author"
            value={text}
            data-search
            onChange={(event) => search.set({ q: event.currentTarget.value })}
          />
          <Button size="xs" variant="default" onClick={() => search.set({ import: 1 }, { push: true })}>
            Import a calendar
          </Button>
          <Button size="xs" data-new onClick={() => search.set({ new: 1, edit: null }, { push: true })}>
            New window
          </Button>
        </>,
      )}
      {said !== '' && (
        <p className={styles.said} role="status">
          {said}
        </p>
      )}
      <Panel flush>
        <Fetched query={windows} what="the maintenance windows" rows={5}>
          {({ items }) => (
            <List
              items={items.filter((item) => wordsOf(item).includes(text.toLowerCase().trim()))}
              none={items.length === 0}
              edit={(item) => search.set({ edit: item.id, new: null }, { push: true })}
              remove={remove}
              showAll={() => search.set({ q: null }, { push: true })}
            />
          )}
        </Fetched>
      </Panel>
      <MaintenanceEditor
        key={`${edited}/${search.get('new')}`}
        opened={search.get('new') !== '' || base !== undefined}
        base={base ?? null}
        close={close}
        saved={(window, now) => {
          const next = window.next[0];
          say(
            window.active
              ? `“${window.name}” is in force now.`
              : next === undefined
                ? `“${window.name}” is stored; it does not come in the next 30 days.`
                : `“${window.name}” is stored; it starts ${momentWords(next.startsAt, now)}.`,
          );
          close();
        }}
      />
      <CalendarImport
        opened={search.get('import') !== ''}
        close={close}
        imported={(count) => {
          say(`${plural(count, 'window')} imported. Importing the same calendar again replaces them.`);
          close();
        }}
      />
      {removing !== null && (
        <RemoveDialog
          window={removing}
          close={(done) => {
            remove(null);
            if (done) say(`“${removing.name}” is removed.`);
          }}
        />
      )}
    </>
  );
}

const wordsOf = ({ name, text, comment, createdBy }: WireMaintenance): string =>
  `${name} ${text} ${comment} ${createdBy}`.toLowerCase();

/** What is on, then by when it comes next; what never comes again last. */
const placeOf = (window: WireMaintenance): number =>
  window.active ? 0 : (window.next[0]?.startsAt ?? Number.MAX_SAFE_INTEGER);

function List({
  items,
  none,
  edit,
  remove,
  showAll,
}: {
  items: readonly WireMaintenance[];
  none: boolean;
  edit: (window: WireMaintenance) => void;
  remove: (window: WireMaintenance) => void;
  showAll: () => void;
}) {
  const [shown, show] = useState(SHOWN);
  if (none)
    return (
      <Empty title="No maintenance windows">
        Announce work with New window, once or recurring, or import a calendar (.ics) that your team keeps already.
      </Empty>
    );
  if (items.length === 0)
    return (
      <Empty title="No window matches">
        Try fewer words, or{' '}
        <Button size="compact-xs" variant="default" onClick={showAll}>
          show all
        </Button>
      </Empty>
    );
  const ordered = items.toSorted((a, b) => placeOf(a) - placeOf(b) || (a.name < b.name ? -1 : 1));
  return (
    <>
      <ul aria-label="Maintenance windows" className={styles.list}>
        {ordered.slice(0, shown).map((window) => (
          <Row key={window.id} window={window} edit={edit} remove={remove} />
        ))}
      </ul>
      {ordered.length > shown && (
        <div className={styles.more}>
          <Button size="xs" variant="default" onClick={() => show(shown + SHOWN)}>
            {ordered.length - shown} more
          </Button>
        </div>
      )}
    </>
  );
}

function Row({
  window,
  edit,
  remove,
}: {
  window: WireMaintenance;
  edit: (window: WireMaintenance) => void;
  remove: (window: WireMaintenance) => void;
}) {
  const now = useNow();
  const { active, next, recurrences, spans } = window;
  const on = active ? next[0] : undefined;
  const coming = next.filter(({ startsAt }) => startsAt > now).slice(0, NEXT);
  const over = !active && next.length === 0;
  return (
    <li data-over={over}>
      <span className={styles.state} data-state={active ? 'active' : over ? 'expired' : 'pending'}>
        {active ? 'In force' : over ? 'None soon' : 'Planned'}
      </span>
      <div className={styles.what}>
        <p className={styles.title}>
          <span className={styles.name}>{window.name}</span>
          <MatcherChips matchers={window.matchers} none="everything" />
        </p>
        <p className={styles.next}>
          {on !== undefined && (
            <b>
              until <Time at={on.endsAt} /> ({span(on.endsAt - now)} left)
            </b>
          )}
          {coming.length > 0 && (
            <span>
              {on === undefined ? 'Next' : 'Then'}{' '}
              {coming.map(({ startsAt }, index) => (
                <span key={startsAt}>
                  {index > 0 && ' · '}
                  <Time at={startsAt} />
                </span>
              ))}
              <span className="muted"> (your time)</span>
            </span>
          )}
          {over && <span>Does not come in the next 30 days</span>}
        </p>
        {window.comment !== '' && <p className={styles.comment}>{window.comment}</p>}
        <p className={styles.meta}>
          {recurrences.slice(0, 3).map((recurrence) => (
            <span key={`${recurrence.start}${recurrence.rrule}`} title={recurrence.rrule}>
              {recurrenceWords(recurrence)}, {recurrence.zone}
            </span>
          ))}
          {recurrences.length > 3 && <span>and {recurrences.length - 3} more dates</span>}
          {spans.length > 0 && <span>{spans.length === 1 ? 'once' : plural(spans.length, 'fixed time')}</span>}
          <span>by {window.createdBy}</span>
        </p>
      </div>
      <span className={styles.buttons}>
        <Button size="compact-sm" variant="default" data-item onClick={() => edit(window)}>
          Edit
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => remove(window)}>
          Remove
        </Button>
      </span>
    </li>
  );
}

function RemoveDialog({ window, close }: { window: WireMaintenance; close: (done: boolean) => void }) {
  const change = useRemoveMaintenance();
  return (
    <Confirm
      opened
      close={() => close(false)}
      title={`Remove “${window.name}”?`}
      action="Remove the window"
      change={change}
      go={() => change.mutate(window.id, { onSuccess: () => close(true) })}
    >
      <MatcherChips matchers={window.matchers} none="Everything" />
      <p>
        {window.active
          ? 'It is in force: what it holds back and is still open is told at once.'
          : 'None of its coming occurrences will mute anything.'}
      </p>
      <p className="muted">It cannot be brought back; the audit log keeps its name and who removed it.</p>
    </Confirm>
  );
}
