import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { useIncidentAction } from '../../../api/incident-actions.ts';
import type { WireIncident } from '../../../api/types.ts';
import { Confirm } from '../../../shared/dialog.tsx';
import { useWho } from '../../../shared/who.tsx';

/** Incidents close by themselves; by hand is for those who know better. */
export function CloseDialog({ incident, close }: { incident: WireIncident; close: () => void }) {
  const { by } = useWho();
  const [comment, type] = useState('');
  const opened = incident.status === 'open';
  const change = useIncidentAction(incident.id, opened ? 'close' : 'reopen');
  return (
    <Confirm
      opened
      close={close}
      title={opened ? 'Close it by hand?' : 'Reopen it?'}
      action={opened ? 'Close the incident' : 'Reopen the incident'}
      change={change}
      go={() => change.mutate({ comment, ...by }, { onSuccess: close })}
    >
      <p>
        {opened
          ? 'Receivers are told that it is resolved. It stays closed while the trouble lasts, and opens again if that ends and comes back.'
          : 'Receivers are told that it is open again. It stays open until somebody closes it.'}
      </p>
      <TextInput
        size="xs"
        label="Comment"
        placeholder="Why, if it helps the next one"
        value={comment}
        maxLength={2_000}
        onChange={(event) => type(event.currentTarget.value)}
      />
    </Confirm>
  );
}
