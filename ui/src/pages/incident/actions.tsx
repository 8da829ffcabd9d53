import { Button, CopyButton, TextInput } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { useEffect, useRef, useState } from 'react';
import type { VerdictKind } from '../../../../src/domain/verdict.ts';
import { useIncidentAction } from '../../api/queries.ts';
import type { WireIncident } from '../../api/types.ts';
import { VERDICT_WORDS } from '../../shared/signs.tsx';
import { Ago } from '../../shared/time.tsx';
import styles from './incident.module.css';

const KINDS = Object.keys(VERDICT_WORDS) as VerdictKind[];

/** Acknowledge, and say what it really was; both are stored at once and shown. */
export function Actions({ incident }: { incident: WireIncident }) {
  const [who, setWho] = useLocalStorage({ key: 'tocsin.name', defaultValue: '' });
  const [comment, type] = useState('');
  const acknowledge = useIncidentAction<{ by?: string }>(incident.id, 'acknowledge');
  const verdict = useIncidentAction<{ kind: VerdictKind; comment: string; by?: string }>(incident.id, 'verdict');
  const by = who.trim() === '' ? {} : { by: who.trim() };
  const given = incident.verdict;
  const error = acknowledge.error ?? verdict.error;
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const field = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.key === 'a' && !field && !event.ctrlKey && !event.metaKey && !event.altKey) button.current?.click();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);

  return (
    <div className={styles.actions}>
      <div className={styles.buttons}>
        {incident.acknowledgedAt === null ? (
          <Button ref={button} size="xs" loading={acknowledge.isPending} onClick={() => acknowledge.mutate(by)}>
            Acknowledge
          </Button>
        ) : (
          <span className={styles.acked}>
            Acknowledged by {incident.acknowledgedBy} <Ago at={incident.acknowledgedAt} />
          </span>
        )}
        <CopyButton value={location.href}>
          {({ copied, copy }) => (
            <Button size="xs" variant="default" onClick={copy}>
              {copied ? 'Link copied' : 'Copy link'}
            </Button>
          )}
        </CopyButton>
      </div>
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
          placeholder="Comment, if any"
          aria-label="Comment"
          value={comment}
          maxLength={2_000}
          onChange={(event) => type(event.currentTarget.value)}
        />
        <TextInput
          className={styles.who}
          size="xs"
          placeholder="Your name"
          aria-label="Your name"
          value={who}
          maxLength={100}
          onChange={(event) => setWho(event.currentTarget.value)}
        />
      </div>
      <p className={styles.said} aria-live="polite">
        {error !== null ? (
          <span role="alert" className={styles.error}>
            Not stored: {error.message}
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
    </div>
  );
}
