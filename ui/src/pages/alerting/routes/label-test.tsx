import { Button, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMemo } from 'react';
import { useOpenAlerts, useRoutingTest } from '../../../api/alerting.ts';
import type { WireRoutingTest } from '../../../api/types.ts';
import { labelsIn } from '../../../shared/matchers.ts';
import { useNames } from '../../../shared/names.tsx';
import { Panel } from '../../../shared/panel.tsx';
import type { Search } from '../../../shared/router.tsx';
import styles from './routes.module.css';

export interface Tested {
  readonly test: WireRoutingTest | null;
  readonly error: Error | null;
  readonly pending: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/** Where these labels go, asked while they are typed. */
export function useTested(text: string): Tested {
  const labels = useMemo(() => labelsIn(text), [text]);
  const [asked] = useDebouncedValue(labels, 200);
  const query = useRoutingTest(asked);
  const none = Object.keys(labels).length === 0;
  return {
    labels,
    test: none ? null : (query.data ?? null),
    error: none ? null : query.error,
    pending: !none && (query.isFetching || asked !== labels),
  };
}

/** `tocsin config routes test` with the tree beside it; the labels live in the URL. */
export function LabelTest({ search, tested }: { search: Search; tested: Tested }) {
  const { short } = useNames();
  const alerts = useOpenAlerts();
  const { test, error } = tested;
  return (
    <Panel title="Test labels">
      <div className={styles.test}>
        <TextInput
          size="xs"
          aria-label="Labels"
          placeholder="severity=critical service=checkout"
          description="Who would be told of an incident with these labels, now"
          value={search.get('labels')}
          data-search
          classNames={{ input: 'mono' }}
          onChange={(event) => search.set({ labels: event.currentTarget.value })}
        />
        {(alerts.data ?? []).length > 0 && (
          <span className={styles.examples}>
            <span className="muted">Open now:</span>
            {(alerts.data ?? []).slice(0, 4).map(({ fingerprint, labels }) => (
              <Button
                key={fingerprint}
                size="compact-xs"
                variant="default"
                onClick={() =>
                  search.set(
                    { labels: `severity=${labels['severity'] ?? ''} service="${labels['service'] ?? ''}"` },
                    { push: true },
                  )
                }
              >
                {short(labels['service'] ?? '')}, {labels['severity']}
              </Button>
            ))}
          </span>
        )}
        <div role="status" aria-busy={tested.pending}>
          {error !== null ? (
            <p className={styles.warn}>{error.message}</p>
          ) : test === null ? (
            search.get('labels') !== '' &&
            !tested.pending && <p className="muted">Write labels as name=value, with spaces between.</p>
          ) : (
            <Answer test={test} />
          )}
        </div>
      </div>
    </Panel>
  );
}

function Answer({ test }: { test: WireRoutingTest }) {
  const told = test.matches.filter(({ heldBy, receivers }) => heldBy === null && receivers.length > 0);
  const names = [...new Set(told.flatMap(({ receivers }) => receivers))];
  const held = test.matches.filter(({ heldBy }) => heldBy !== null);
  return (
    <div className={styles.answer}>
      <p>
        {names.length === 0 ? (
          <b>Nobody is told.</b>
        ) : (
          <>
            Told: <b>{names.join(', ')}</b>
          </>
        )}
      </p>
      {held.map((match) => (
        <p key={match.route} className={styles.warn}>
          Not {match.receivers.join(', ') || 'told'}: {match.heldBy}.
        </p>
      ))}
      {told[0] !== undefined && Object.keys(told[0].groupLabels).length > 0 && (
        <p className="muted">
          In the group{' '}
          <span className="mono">
            {Object.entries(told[0].groupLabels)
              .map(([name, value]) => `${name}="${value}"`)
              .join(', ')}
          </span>
        </p>
      )}
    </div>
  );
}
