import { Button } from '@mantine/core';
import { useState } from 'react';
import type { WirePreview } from '../../api/types.ts';
import { plural, span } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { href } from '../../shared/router.tsx';
import { SeveritySign } from '../../shared/signs.tsx';
import { Time } from '../../shared/time.tsx';
import styles from './alerting.module.css';

const FIRST = 4;

/** "Would have muted 3 of 41 incidents": what a rule would have done, before it does it. */
export function PreviewPanel({
  preview,
  error,
  pending,
  nothing,
  hint,
}: {
  preview: WirePreview | undefined;
  error: Error | null;
  /** Being looked up, or out of date. */
  pending: boolean;
  /** What to do before there is anything to preview. */
  nothing: string | null;
  /** What to look at when nothing of the past is covered. */
  hint: string;
}) {
  return (
    <section className={styles.preview} aria-label="Preview over the past 30 days" aria-busy={pending}>
      {nothing !== null ? (
        <p className="muted">{nothing}</p>
      ) : error !== null ? (
        <p role="alert" className={styles.refused}>
          {error.message}
        </p>
      ) : preview === undefined ? (
        <p className="muted" role="status">
          Looking through the past 30 days…
        </p>
      ) : (
        <Found preview={preview} hint={hint} />
      )}
    </section>
  );
}

function Found({ preview, hint }: { preview: WirePreview; hint: string }) {
  const [all, showAll] = useState(false);
  const { words } = useNames();
  const { incidents, covered, notifications, truncated } = preview;
  if (incidents === 0)
    return (
      <p role="status">
        No incident opened in the past 30 days, so there is nothing to compare with. The rule still works from now on.
      </p>
    );
  if (covered.length === 0)
    return (
      <div role="status">
        <p>
          Would have muted <b>none</b> of the {plural(incidents, 'incident')} of the past 30 days.
        </p>
        <p className="muted">{hint}</p>
      </div>
    );
  return (
    <>
      <p role="status">
        Would have muted{' '}
        <b>
          {covered.length} of {plural(incidents, 'incident')}
        </b>{' '}
        of the past 30 days, and with {covered.length === 1 ? 'it' : 'them'} {plural(notifications, 'notification')}{' '}
        that
        {notifications === 1 ? ' was' : ' were'} sent.
        {truncated && ' There were more incidents than were looked at.'}
      </p>
      {covered.length === incidents && incidents > 1 && (
        <p className={styles.warn}>That is every incident there was. Add a matcher to cover less.</p>
      )}
      <ul className={styles.covered}>
        {(all ? covered : covered.slice(0, FIRST)).map((incident) => (
          <li key={incident.id}>
            <SeveritySign severity={incident.severity} bare />
            <a href={href(`incidents/${incident.id}`)} target="_blank" rel="noreferrer">
              {words(incident.title, incident.openedAt)}
            </a>
            <span className="muted">
              <Time at={incident.openedAt} />,{' '}
              {incident.closedAt === null ? 'open' : `for ${span(incident.closedAt - incident.openedAt)}`}
            </span>
          </li>
        ))}
      </ul>
      {covered.length > FIRST && (
        <Button size="compact-xs" variant="subtle" onClick={() => showAll(!all)}>
          {all ? 'Show fewer' : `Show all ${covered.length}`}
        </Button>
      )}
    </>
  );
}
