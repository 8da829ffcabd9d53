import type { WireIncidentSummary } from '../../api/types.ts';
import { percent, span } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { href, Link } from '../../shared/router.tsx';
import { Chip, SeveritySign, VERDICT_WORDS } from '../../shared/signs.tsx';
import { Ago, useNow } from '../../shared/time.tsx';
import styles from './incidents.module.css';

/** One incident as a line of a list. */
export function IncidentRow({ incident }: { incident: WireIncidentSummary }) {
  const now = useNow();
  const { short, words } = useNames();
  const length = (incident.closedAt ?? now) - incident.onset;
  return (
    <li>
      <Link to={href(`incidents/${incident.id}`)} className={styles.row} data-item>
        <span className={styles.severity} data-closed={incident.status === 'closed'}>
          <SeveritySign severity={incident.severity} bare size={16} />
        </span>
        <span className={styles.what}>
          <span className={styles.title}>{words(incident.title, incident.onset)}</span>
          <span className={styles.meta}>
            <span>
              {incident.status === 'open' ? 'open' : 'closed'}, <Ago at={incident.onset} />
            </span>
            <span>{incident.status === 'open' ? `for ${span(length)}` : `lasted ${span(length)}`}</span>
            {incident.cause !== null && (
              <span>
                cause {short(incident.cause.service)} {percent(incident.cause.share)}
              </span>
            )}
            {incident.services.length > 1 && <span>{incident.services.map(short).join(', ')}</span>}
          </span>
        </span>
        <span className={styles.chips}>
          {incident.reopenedCount > 0 && <Chip>reopened {incident.reopenedCount}×</Chip>}
          {incident.verdict !== null && <Chip tone="accent">{VERDICT_WORDS[incident.verdict.kind].label}</Chip>}
          {incident.verdict === null && incident.acknowledgedBy !== null && <Chip>{incident.acknowledgedBy}</Chip>}
        </span>
      </Link>
    </li>
  );
}
