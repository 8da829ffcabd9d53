import { Button } from '@mantine/core';
import { useState } from 'react';
import { useDecisions } from '../../api/queries.ts';
import { plain } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { Empty, Fetched, Panel } from '../../shared/panel.tsx';
import { Time } from '../../shared/time.tsx';
import styles from './incident.module.css';

/** Why it alerted, or did not: every stage's decision with what was compared with what. */
export function Decisions({ incident }: { incident: string }) {
  const [shown, show] = useState(false);
  const { words } = useNames();
  const decisions = useDecisions(incident, shown);
  return (
    <Panel
      title="Why it was decided"
      aside={
        <Button size="compact-xs" variant="default" aria-expanded={shown} onClick={() => show(!shown)}>
          {shown ? 'Hide' : 'Show'}
        </Button>
      }
    >
      {!shown ? (
        <p className="muted">Each stage that passed or stopped it, with the value and the limit.</p>
      ) : (
        <Fetched query={decisions} what="the decisions">
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No decisions kept">They are kept as long as the incident.</Empty>
            ) : (
              <ol className={styles.decisions}>
                {items.map((item) => (
                  <li key={item.id} data-outcome={item.outcome}>
                    <span>
                      <b>{item.stage}</b> {item.outcome}
                    </span>
                    <span className="muted">
                      <Time at={item.at} look="clock" />
                    </span>
                    <span className={styles.decisionWhy}>
                      {words(item.reason, item.at)}
                      {item.value !== null && item.limit !== null && (
                        <span className="mono">
                          {' '}
                          {plain(item.value)} against {plain(item.limit)}
                        </span>
                      )}
                    </span>
                  </li>
                ))}
              </ol>
            )
          }
        </Fetched>
      )}
    </Panel>
  );
}
