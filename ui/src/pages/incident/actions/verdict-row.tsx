import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { VerdictKind } from '../../../../../src/domain/verdict.ts';
import { useIncidentAction } from '../../../api/incident-actions.ts';
import type { WireIncident } from '../../../api/types.ts';
import { VERDICT_WORDS } from '../../../shared/signs.tsx';
import { Ago } from '../../../shared/time.tsx';
import { useWho, WhoField } from '../../../shared/who.tsx';
import styles from './actions.module.css';

const KINDS = Object.keys(VERDICT_WORDS) as VerdictKind[];

/** What it really was: what Tocsin learns from. */
export function VerdictRow({ incident }: { incident: WireIncident }) {
  const { by } = useWho();
  const [comment, type] = useState('');
  const verdict = useIncidentAction(incident.id, 'verdict');
  const given = incident.verdict;
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as a grid in all browsers */}
      <div role="group" aria-label="Verdict" className={styles.verdict}>
        <span className={styles.ask}>{given === null ? 'What was it?' : 'Verdict'}</span>
        <span className={styles.kinds}>
          {KINDS.map((kind) => (
            <Button
              key={kind}
              size="xs"
              variant={given?.kind === kind ? 'filled' : 'default'}
              aria-pressed={given?.kind === kind}
              loading={verdict.isPending && verdict.variables.kind === kind}
              disabled={verdict.isPending}
              title={VERDICT_WORDS[kind].effect}
              onClick={() => verdict.mutate({ kind, comment, ...by }, { onSuccess: () => type('') })}
            >
              {VERDICT_WORDS[kind].label}
            </Button>
          ))}
        </span>
        <TextInput
          className={styles.comment}
          size="xs"
          placeholder="Why, if it helps"
          aria-label="Reason for the verdict"
          value={comment}
          maxLength={2_000}
          onChange={(event) => type(event.currentTarget.value)}
        />
        <WhoField className={styles.who} label={false} />
      </div>
      <p className={styles.said} aria-live="polite">
        {verdict.error !== null ? (
          <span role="alert" className={styles.error}>
            Not stored: {verdict.error.message}
          </span>
        ) : (
          given !== null && (
            <>
              <b>{VERDICT_WORDS[given.kind].label}</b>, said {given.by} <Ago at={given.at} />
              {given.comment !== '' && <>: “{given.comment}”</>}. {VERDICT_WORDS[given.kind].effect}
            </>
          )
        )}
      </p>
    </>
  );
}
