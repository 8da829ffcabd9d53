import { Button, Popover, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useIncidentAction } from '../../../api/incident-actions.ts';
import type { WireIncident } from '../../../api/types.ts';
import { Refused } from '../../../shared/dialog.tsx';
import { span } from '../../../shared/format.ts';
import { localInput, useNow } from '../../../shared/time.tsx';
import { useWho } from '../../../shared/who.tsx';
import styles from './actions.module.css';

const MINUTE = 60_000;
const LENGTHS = [30 * MINUTE, 60 * MINUTE, 240 * MINUTE];

/** Nine in the morning of the reader's next day. */
function tomorrow(now: number): number {
  const date = new Date(now);
  date.setDate(date.getDate() + 1);
  return date.setHours(9, 0, 0, 0);
}

/** Quiet for a while: this incident alone, and it comes back if it is still open. */
export function Snooze({ incident }: { incident: WireIncident }) {
  const [opened, open] = useState(false);
  const [own, setOwn] = useState('');
  const { by } = useWho();
  const now = useNow();
  const snooze = useIncidentAction(incident.id, 'snooze');
  const until = incident.snoozedUntil ?? null;
  const snoozed = until !== null && until > now;
  const set = (at: number | null): void =>
    snooze.mutate({ until: at === null ? null : Math.round(at), ...by }, { onSuccess: () => open(false) });
  const chosen = own === '' ? Number.NaN : Date.parse(own);
  return (
    <Popover opened={opened} onChange={open} trapFocus withinPortal={false} position="bottom-start" width={300}>
      <Popover.Target>
        <Button size="xs" variant="default" aria-expanded={opened} onClick={() => open(!opened)}>
          {snoozed ? 'Snoozed' : 'Snooze'}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Snooze">
        <div className={styles.popover}>
          <p className="muted">
            Nobody is told anything of it until then, but for its end. If it is still open, it is told again.
          </p>
          <span className={styles.row}>
            {LENGTHS.map((ms) => (
              <Button
                key={ms}
                size="compact-sm"
                variant="default"
                disabled={snooze.isPending}
                onClick={() => set(now + ms)}
              >
                {span(ms)}
              </Button>
            ))}
            <Button size="compact-sm" variant="default" disabled={snooze.isPending} onClick={() => set(tomorrow(now))}>
              tomorrow 9:00
            </Button>
          </span>
          <span className={styles.row}>
            <TextInput
              size="xs"
              type="datetime-local"
              aria-label="Until"
              min={localInput(now)}
              value={own}
              onChange={(event) => setOwn(event.currentTarget.value)}
            />
            <Button size="xs" disabled={!(chosen > now)} loading={snooze.isPending} onClick={() => set(chosen)}>
              Until then
            </Button>
          </span>
          {snoozed && (
            <Button size="xs" variant="default" loading={snooze.isPending} onClick={() => set(null)}>
              End the snooze
            </Button>
          )}
          <Refused error={snooze.error} />
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
