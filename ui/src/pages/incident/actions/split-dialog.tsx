import { Checkbox } from '@mantine/core';
import { useState } from 'react';
import { useSplit } from '../../../api/incident-actions.ts';
import type { WireIncident } from '../../../api/types.ts';
import { Confirm } from '../../../shared/dialog.tsx';
import { plural } from '../../../shared/format.ts';
import { useNames } from '../../../shared/names.tsx';
import { href, navigate } from '../../../shared/router.tsx';
import { useWho } from '../../../shared/who.tsx';
import styles from './actions.module.css';

/** Two stories in one: the chosen services get an incident of their own. */
export function SplitDialog({ incident, close }: { incident: WireIncident; close: () => void }) {
  const { by } = useWho();
  const { short } = useNames();
  const split = useSplit(incident.id);
  const [chosen, choose] = useState<readonly string[]>([]);
  const rest = incident.services.filter((service) => !chosen.includes(service));
  const possible = chosen.length > 0 && rest.length > 0;
  return (
    <Confirm
      opened
      close={close}
      title="Split services out"
      action={possible ? `Split ${plural(chosen.length, 'service')} out` : 'Choose some, not all'}
      disabled={!possible}
      change={split}
      go={() =>
        split.mutate(
          { services: chosen, ...by },
          {
            onSuccess: ({ split: made }) => {
              close();
              navigate(href(`incidents/${made.id}`));
            },
          },
        )
      }
    >
      <p>Which services have trouble of their own?</p>
      <ul className={styles.choices} aria-label="Services to split out">
        {incident.services.map((service) => (
          <li key={service}>
            <Checkbox
              size="xs"
              checked={chosen.includes(service)}
              onChange={(event) =>
                choose(event.currentTarget.checked ? [...chosen, service] : chosen.filter((other) => other !== service))
              }
              label={
                <span className={styles.choice}>
                  <b>{short(service)}</b>
                  <span className="muted">
                    {incident.anomalies
                      .filter((anomaly) => anomaly.service === service)
                      .map(({ text }) => text)
                      .join('; ')}
                  </span>
                </span>
              }
            />
          </li>
        ))}
      </ul>
      {possible && (
        <p className={styles.outcome} role="status">
          This incident keeps <b>{rest.map(short).join(', ')}</b>. A new one gets <b>{chosen.map(short).join(', ')}</b>{' '}
          with their evidence, is ranked anew and told by its own routes.
        </p>
      )}
    </Confirm>
  );
}
