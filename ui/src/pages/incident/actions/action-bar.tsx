import { Button, Menu } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useEffect, useRef, useState } from 'react';
import { useIncidentAction } from '../../../api/incident-actions.ts';
import type { WireIncident } from '../../../api/types.ts';
import { href, Link } from '../../../shared/router.tsx';
import { meantAsShortcut } from '../../../shared/shortcuts.tsx';
import { Ago, momentWords, useNow } from '../../../shared/time.tsx';
import { useWho } from '../../../shared/who.tsx';
import styles from './actions.module.css';
import { Assign } from './assign.tsx';
import { CloseDialog } from './close-dialog.tsx';
import { MergeDialog } from './merge-dialog.tsx';
import { Snooze } from './snooze.tsx';
import { SplitDialog } from './split-dialog.tsx';
import { VerdictRow } from './verdict-row.tsx';

type Dialog = 'merge' | 'split' | 'close' | null;

/** What a person can do about it: take it, pass it on, quiet it, and say what it was. All is stored at once and shown to everybody. */
export function ActionBar({ incident }: { incident: WireIncident }) {
  const { by } = useWho();
  const [dialog, open] = useState<Dialog>(null);
  const acknowledge = useIncidentAction(incident.id, 'acknowledge');
  const button = useRef<HTMLButtonElement>(null);
  const clipboard = useClipboard({ timeout: 2_000 });
  const opened = incident.status === 'open';

  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key === 'a' && meantAsShortcut(event)) button.current?.click();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);

  return (
    <div className={styles.actions}>
      <div className={styles.buttons}>
        {incident.acknowledgedAt === null && (
          <Button ref={button} size="xs" loading={acknowledge.isPending} onClick={() => acknowledge.mutate(by)}>
            Acknowledge
          </Button>
        )}
        <Assign incident={incident} />
        {opened && <Snooze incident={incident} />}
        {opened && (
          <Button component={Link} to={silenceLink(incident)} size="xs" variant="default">
            Silence…
          </Button>
        )}
        <Menu position="bottom-start" withinPortal={false} withInitialFocusPlaceholder={false}>
          <Menu.Target>
            <Button size="xs" variant="default">
              More
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => open('merge')}>Merge with another incident…</Menu.Item>
            <Menu.Item disabled={incident.services.length < 2} onClick={() => open('split')}>
              Split services out…
            </Menu.Item>
            <Menu.Item onClick={() => open('close')}>{opened ? 'Close it by hand…' : 'Reopen it…'}</Menu.Item>
            <Menu.Divider />
            <Menu.Item closeMenuOnClick={false} onClick={() => clipboard.copy(location.href)}>
              {clipboard.copied ? 'Link copied' : 'Copy link'}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      <VerdictRow incident={incident} />
      <State incident={incident} error={acknowledge.error} />
      {dialog === 'merge' && <MergeDialog incident={incident} close={() => open(null)} />}
      {dialog === 'split' && <SplitDialog incident={incident} close={() => open(null)} />}
      {dialog === 'close' && <CloseDialog incident={incident} close={() => open(null)} />}
    </div>
  );
}

/** The likely cause is what to silence: it covers the incident with all its effects. */
function silenceLink({ causes, services, id }: WireIncident): string {
  const service = causes[0]?.service ?? services[0] ?? '';
  return href('alerting/silences', {
    new: 1,
    matchers: `service=${JSON.stringify(service)}`,
    comment: `Incident ${id}`,
  });
}

/** Who has it, until when it is quiet, in one line. */
function State({ incident, error }: { incident: WireIncident; error: Error | null }) {
  const now = useNow();
  const { acknowledgedAt, acknowledgedBy, assignedTo, snoozedUntil, escalatedAt, byHand } = incident;
  const facts: readonly (readonly [string, ReactNode])[] = [
    ...(acknowledgedAt === null
      ? []
      : [
          [
            'ack',
            <>
              Acknowledged by <b>{acknowledgedBy}</b> <Ago at={acknowledgedAt} />
            </>,
          ] as const,
        ]),
    ...(assignedTo === null || assignedTo === undefined
      ? []
      : [
          [
            'assigned',
            <>
              assigned to <b>{assignedTo}</b>
            </>,
          ] as const,
        ]),
    ...(snoozedUntil === null || snoozedUntil === undefined || snoozedUntil <= now
      ? []
      : [
          [
            'snoozed',
            <>
              snoozed until <b>{momentWords(snoozedUntil, now)}</b>
            </>,
          ] as const,
        ]),
    ...(escalatedAt === null || escalatedAt === undefined
      ? []
      : [
          [
            'escalated',
            <span key="e" className={styles.warn}>
              escalated <Ago at={escalatedAt} />, nobody had acknowledged it
            </span>,
          ] as const,
        ]),
    ...(byHand === undefined
      ? []
      : [['hand', byHand === 'closed' ? <>closed by hand</> : <>kept open by hand</>] as const]),
  ];
  return (
    <p className={styles.state} aria-live="polite">
      {error !== null && (
        <span role="alert" className={styles.error}>
          Not stored: {error.message}
        </span>
      )}
      {facts.map(([key, fact]) => (
        <span key={key}>{fact}</span>
      ))}
    </p>
  );
}
