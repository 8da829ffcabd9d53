import { Button, Textarea } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useIncidentAction } from '../../api/incident-actions.ts';
import { useDecisions, useIncidentOutbox } from '../../api/queries.ts';
import type { WireDecision, WireIncident, WireOutboxItem } from '../../api/types.ts';
import { Refused } from '../../shared/dialog.tsx';
import { useNames } from '../../shared/names.tsx';
import { meantAsShortcut } from '../../shared/shortcuts.tsx';
import { Time } from '../../shared/time.tsx';
import { useWho } from '../../shared/who.tsx';
import styles from './incident.module.css';

const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

interface Entry {
  readonly at: number;
  readonly kind: string;
  readonly text: string;
}

/** What happened, in order: the story, what people did, who was told, and what was held back. */
export function Timeline({ incident }: { incident: WireIncident }) {
  const { words } = useNames();
  const outbox = useIncidentOutbox(incident.id);
  const decisions = useDecisions(incident.id, true);
  const entries = useMemo(
    () =>
      [
        ...incident.timeline,
        ...(outbox.data?.items ?? []).map(toldEntry),
        ...(decisions.data?.items ?? []).filter(isHeld).map(heldEntry),
      ].toSorted((a, b) => a.at - b.at),
    [incident.timeline, outbox.data, decisions.data],
  );
  return (
    <>
      <ol className={styles.timeline}>
        {entries.map((entry, index) => {
          const before = entries[index - 1];
          const newDay = before === undefined || day.format(before.at) !== day.format(entry.at);
          return (
            <li key={`${entry.at}${entry.kind}${entry.text}`} data-kind={entry.kind}>
              {newDay && <span className={styles.day}>{day.format(entry.at)}</span>}
              <span className={styles.when}>
                <Time at={entry.at} look="clock" />
              </span>
              <span className={styles.entry}>{words(entry.text, entry.at)}</span>
            </li>
          );
        })}
      </ol>
      <Comment id={incident.id} />
    </>
  );
}

const REASONS: Readonly<Record<string, string>> = {
  opened: 'that it opened',
  updated: 'what is new',
  acknowledged: 'who took it up',
  escalated: 'that it became worse',
  unacknowledged: 'that nobody took it up',
  resolved: 'that it ended',
  reopened: 'that it is back',
  reminder: 'again, as a reminder',
  digest: 'in the digest',
};

/** Receivers may answer with a page of text: its beginning says why. */
const MOST = 140;
const brief = (text: string): string => (text.length > MOST ? `${text.slice(0, MOST)}…` : text);

function toldEntry({ receiver, reason, state, lastError, createdAt, sentAt }: WireOutboxItem): Entry {
  const what = REASONS[reason] ?? reason;
  if (state === 'sent') return { at: sentAt ?? createdAt, kind: 'notified', text: `Told ${receiver} ${what}` };
  return state === 'pending'
    ? {
        at: createdAt,
        kind: 'waiting',
        text: `${receiver} not told yet${lastError === '' ? '' : `: ${brief(lastError)}`}`,
      }
    : {
        at: createdAt,
        kind: 'refused',
        text: `${receiver} refused the message${lastError === '' ? '' : `: ${brief(lastError)}`}`,
      };
}

const HOLDING: readonly string[] = ['inhibit', 'silence', 'maintenance', 'route', 'budget', 'notify'];
const isHeld = ({ stage, outcome }: WireDecision): boolean => outcome === 'suppressed' && HOLDING.includes(stage);
const heldEntry = ({ at, reason }: WireDecision): Entry => ({ at, kind: 'suppressed', text: `Held back: ${reason}` });

/** A line of one's own in the story, for whoever comes next. */
function Comment({ id }: { id: string }) {
  const { by } = useWho();
  const [text, type] = useState('');
  const comment = useIncidentAction(id, 'comment');
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key !== 'c' || !meantAsShortcut(event)) return;
      event.preventDefault();
      field.current?.focus();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);
  const send = (): void => {
    if (text.trim() !== '') comment.mutate({ text: text.trim(), ...by }, { onSuccess: () => type('') });
  };
  return (
    <form
      className={styles.compose}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Textarea
        ref={field}
        size="xs"
        aria-label="Comment"
        placeholder="Add a comment   c"
        value={text}
        maxLength={2_000}
        autosize
        minRows={1}
        maxRows={8}
        onChange={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send();
        }}
      />
      <Button type="submit" size="xs" variant="default" disabled={text.trim() === ''} loading={comment.isPending}>
        Comment
      </Button>
      <Refused error={comment.error} />
    </form>
  );
}
