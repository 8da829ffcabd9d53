import { Button, SegmentedControl, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useEndSilence, useOpenAlerts, useSilences } from '../../../api/alerting.ts';
import type { WireSilence } from '../../../api/types.ts';
import { Confirm } from '../../../shared/dialog.tsx';
import { plural, span } from '../../../shared/format.ts';
import { matchersIn } from '../../../shared/matchers.ts';
import { useNames } from '../../../shared/names.tsx';
import { Empty, Fetched, Panel } from '../../../shared/panel.tsx';
import { href, Link, useSearch } from '../../../shared/router.tsx';
import { momentWords, useNow, utc } from '../../../shared/time.tsx';
import styles from '../alerting.module.css';
import type { Head } from '../alerting-page.tsx';
import { MatcherChips } from '../matcher-chips.tsx';
import { SilenceEditor } from './silence-editor.tsx';

const STATES = ['active', 'pending', 'expired'] as const;
const STATE_WORDS: Readonly<Record<WireSilence['status'], string>> = {
  active: 'Active',
  pending: 'Not yet',
  expired: 'Ended',
};
const SHOWN = 100;

/** Which silences there are, which are coming, which ended; filters and the open editor live in the URL. */
export function SilencesTab({ head }: { head: Head }) {
  const search = useSearch();
  const silences = useSilences();
  const [ending, end] = useState<WireSilence | null>(null);
  const [said, say] = useState('');
  const state = search.get('state');
  const text = search.get('q');
  const edited = search.get('edit');
  const base = silences.data?.items.find(({ id }) => id === edited);
  const opened = search.get('new') !== '' || base !== undefined;
  const close = () => search.set({ new: null, edit: null, matchers: null, comment: null });

  return (
    <>
      {head(
        <>
          <SegmentedControl
            size="xs"
            aria-label="State"
            value={state === '' ? 'all' : state}
            onChange={(value) => search.set({ state: value === 'all' ? null : value }, { push: true })}
            data={[{ value: 'all', label: 'All' }, ...STATES.map((value) => ({ value, label: STATE_WORDS[value] }))]}
          />
          <TextInput
            size="xs"
            w={180}
            type="search"
            aria-label="Find a silence"
            placeholder="Label, author, comment"
            value={text}
            data-search
            onChange={(event) => search.set({ q: event.currentTarget.value })}
          />
          <Button size="xs" data-new onClick={() => search.set({ new: 1, edit: null }, { push: true })}>
            New silence
          </Button>
        </>,
      )}
      {said !== '' && (
        <p className={styles.said} role="status">
          {said}
        </p>
      )}
      <Panel flush>
        <Fetched query={silences} what="the silences" rows={5}>
          {({ items }) => (
            <List
              items={items.filter(
                (item) => (state === '' || item.status === state) && wordsOf(item).includes(text.toLowerCase().trim()),
              )}
              none={items.length === 0}
              edit={(item) => search.set({ edit: item.id, new: null }, { push: true })}
              again={(item) =>
                search.set({ new: 1, edit: null, matchers: item.text, comment: item.comment }, { push: true })
              }
              end={end}
              showAll={() => search.set({ state: null, q: null }, { push: true })}
            />
          )}
        </Fetched>
      </Panel>
      <SilenceEditor
        key={`${edited}/${search.get('new')}/${search.get('matchers')}`}
        opened={opened}
        base={base ?? null}
        matchers={matchersIn(search.get('matchers'))}
        comment={search.get('comment')}
        close={close}
        saved={(silence, now) => {
          say(
            silence.status === 'pending'
              ? `Silence stored: it starts ${momentWords(silence.startsAt, now)}.`
              : `Silence in force until ${momentWords(silence.endsAt, now)}.`,
          );
          close();
        }}
      />
      {ending !== null && (
        <EndDialog
          silence={ending}
          close={(done) => {
            end(null);
            if (done) say('Silence ended. What it held back and is still open is told now.');
          }}
        />
      )}
    </>
  );
}

const wordsOf = ({ text, comment, createdBy, id }: WireSilence): string =>
  `${text} ${comment} ${createdBy} ${id}`.toLowerCase();

function List({
  items,
  none,
  edit,
  again,
  end,
  showAll,
}: {
  items: readonly WireSilence[];
  none: boolean;
  edit: (silence: WireSilence) => void;
  again: (silence: WireSilence) => void;
  end: (silence: WireSilence) => void;
  showAll: () => void;
}) {
  const [shown, show] = useState(SHOWN);
  if (none)
    return (
      <Empty title="No silences">
        A silence keeps quiet about what you already know of: press New silence, or Silence on an incident.
      </Empty>
    );
  if (items.length === 0)
    return (
      <Empty title="No silence matches">
        Take away a filter, or{' '}
        <Button size="compact-xs" variant="default" onClick={showAll}>
          show all
        </Button>
      </Empty>
    );
  const ordered = items.toSorted(
    (a, b) =>
      STATES.indexOf(a.status) - STATES.indexOf(b.status) ||
      (a.status === 'expired' ? b.endsAt - a.endsAt : a.endsAt - b.endsAt),
  );
  return (
    <>
      <ul aria-label="Silences" className={styles.list}>
        {ordered.slice(0, shown).map((silence) => (
          <Row key={silence.id} silence={silence} edit={edit} again={again} end={end} />
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
  silence,
  edit,
  again,
  end,
}: {
  silence: WireSilence;
  edit: (silence: WireSilence) => void;
  again: (silence: WireSilence) => void;
  end: (silence: WireSilence) => void;
}) {
  const now = useNow();
  const { status, startsAt, endsAt } = silence;
  const over = status === 'expired';
  return (
    <li data-over={over}>
      <span className={styles.state} data-state={status}>
        {STATE_WORDS[status]}
      </span>
      <div className={styles.what}>
        <MatcherChips matchers={silence.matchers} />
        {silence.comment !== '' && <p className={styles.comment}>{silence.comment}</p>}
        <p className={styles.meta}>
          <span className={styles.when}>
            {status === 'pending' && (
              <>
                from <Moment at={startsAt} now={now} /> (in {span(startsAt - now)}){' '}
              </>
            )}
            {over ? 'ended' : 'until'} <Moment at={endsAt} now={now} />
            {status === 'active' && ` (${span(endsAt - now)} left)`}
          </span>
          <span>by {silence.createdBy}</span>
          {status === 'active' && <Holding id={silence.id} />}
        </p>
      </div>
      <span className={styles.buttons}>
        {over ? (
          <Button size="compact-sm" variant="default" onClick={() => again(silence)}>
            Again
          </Button>
        ) : (
          <>
            <Button size="compact-sm" variant="default" data-item onClick={() => edit(silence)}>
              Edit
            </Button>
            <Button size="compact-sm" variant="default" onClick={() => end(silence)}>
              {status === 'pending' ? 'Cancel' : 'End now'}
            </Button>
          </>
        )}
      </span>
    </li>
  );
}

function Moment({ at, now }: { at: number; now: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={utc(at)}>
      {momentWords(at, now)}
    </time>
  );
}

/** What a silence holds back at this moment. */
function Holding({ id }: { id: string }) {
  const alerts = useOpenAlerts();
  const { short } = useNames();
  const held = (alerts.data ?? []).filter(({ status }) => status.silencedBy.includes(id));
  if (alerts.data === undefined) return null;
  if (held.length === 0) return <span>holds nothing back now</span>;
  return (
    <span className={styles.holds}>
      holds back{' '}
      {held.slice(0, 3).map(({ fingerprint, labels }, index) => (
        <span key={fingerprint}>
          {index > 0 && ', '}
          <Link to={href(`incidents/${fingerprint}`)}>{short(labels['service'] ?? fingerprint)}</Link>
        </span>
      ))}
      {held.length > 3 && ` and ${held.length - 3} more`}
    </span>
  );
}

function EndDialog({ silence, close }: { silence: WireSilence; close: (done: boolean) => void }) {
  const change = useEndSilence();
  const alerts = useOpenAlerts();
  const held = (alerts.data ?? []).filter(({ status }) => status.silencedBy.includes(silence.id)).length;
  return (
    <Confirm
      opened
      close={() => close(false)}
      title="End this silence now?"
      action="End it now"
      change={change}
      go={() => change.mutate(silence.id, { onSuccess: () => close(true) })}
    >
      <MatcherChips matchers={silence.matchers} />
      <p>
        {held === 0
          ? 'It holds nothing back at the moment: nobody is told anything at once.'
          : `It holds back ${plural(held, 'open incident')}: the receivers are told of ${held === 1 ? 'it' : 'them'} at once.`}
      </p>
      <p className="muted">The record of it stays, with who ended it.</p>
    </Confirm>
  );
}
