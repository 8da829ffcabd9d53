import { Autocomplete, Button, Popover } from '@mantine/core';
import { useState } from 'react';
import { useIncidentAction } from '../../../api/incident-actions.ts';
import { useIncidents } from '../../../api/queries.ts';
import type { WireIncident } from '../../../api/types.ts';
import { Refused } from '../../../shared/dialog.tsx';
import { useWho } from '../../../shared/who.tsx';
import styles from './actions.module.css';

/** Say who works on it: yourself, somebody else, nobody any more. */
export function Assign({ incident }: { incident: WireIncident }) {
  const [opened, open] = useState(false);
  const [other, type] = useState('');
  const { name, by } = useWho();
  const me = name.trim();
  const assign = useIncidentAction(incident.id, 'assign');
  const current = incident.assignedTo ?? null;
  const before = useIncidents({ limit: 50 });
  /** Whoever had one before is likely meant again. */
  const people = (before.data?.pages.flatMap(({ items }) => items) ?? []).flatMap((one) => [
    one.assignedTo ?? '',
    one.acknowledgedBy ?? '',
  ]);
  const known = [...new Set(people)].filter((one) => one !== '' && one !== current);

  const give = (to: string | null): void =>
    assign.mutate(
      { to, ...by },
      {
        onSuccess: () => {
          open(false);
          type('');
        },
      },
    );
  return (
    <Popover opened={opened} onChange={open} trapFocus withinPortal={false} position="bottom-start" width={280}>
      <Popover.Target>
        <Button size="xs" variant="default" aria-expanded={opened} onClick={() => open(!opened)}>
          {current === null ? 'Assign' : 'Reassign'}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Assign">
        <form
          className={styles.popover}
          onSubmit={(event) => {
            event.preventDefault();
            if (other.trim() !== '') give(other.trim());
          }}
        >
          {me !== '' && me !== current && (
            <Button size="xs" variant="default" loading={assign.isPending} onClick={() => give(me)}>
              To me, {me}
            </Button>
          )}
          <Autocomplete
            size="xs"
            label="To"
            placeholder="A name, as your chat knows it"
            data={known}
            openOnFocus={false}
            comboboxProps={{ withinPortal: false }}
            value={other}
            maxLength={200}
            data-autofocus
            onChange={type}
          />
          <span className={styles.row}>
            <Button type="submit" size="xs" disabled={other.trim() === ''} loading={assign.isPending}>
              Assign
            </Button>
            {current !== null && (
              <Button size="xs" variant="default" loading={assign.isPending} onClick={() => give(null)}>
                Nobody
              </Button>
            )}
          </span>
          <Refused error={assign.error} />
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
