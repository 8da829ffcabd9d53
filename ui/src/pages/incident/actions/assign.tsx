import { Button, Popover, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useIncidentAction } from '../../../api/incident-actions.ts';
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
          <TextInput
            size="xs"
            label="To"
            placeholder="A name, as your chat knows it"
            value={other}
            maxLength={200}
            data-autofocus
            onChange={(event) => type(event.currentTarget.value)}
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
