import type { WireIncidentSummary } from '../../api/types.ts';
import { percent, span } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { href, Link } from '../../shared/router.tsx';
import { SeveritySign } from '../../shared/signs.tsx';
import { Ago, useNow } from '../../shared/time.tsx';
import styles from './incidents.module.css';
import { StateChips } from './state-chips.tsx';

/** One incident as a line of a list; `day` heads those of one day. */
export function IncidentRow({ incident, day }: { incident: WireIncidentSummary; day?: string | undefined }) {
  const now = useNow();
  const { short, words } = useNames();
  const length = (incident.closedAt ?? now) - incident.onset;
  return (
    <li>
      {day !== undefined && <h2 className={styles.day}>{day}</h2>}
      <Link to={href(`incidents/${incident.id}`)} className={styles.row} data-item>
        <span className={styles.severity} data-closed={incident.status === 'closed'}>
          <SeveritySign severity={incident.severity} bare size={16} />
        </span>
        <span className={styles.what}>
          <span className={styles.title}>{words(incident.title, incident.onset)}</span>
          <span className={styles.meta}>
            {incident.status === 'open' ? (
              <span className={styles.openFor}>open for {span(length)}</span>
            ) : (
              <span>
                <Ago at={incident.onset} />, lasted {span(length)}
              </span>
            )}
            {incident.cause !== null && (
              <span>
                cause {short(incident.cause.service)} {percent(incident.cause.share)}
              </span>
            )}
            {incident.services.length > 1 && <span>{incident.services.map(short).join(', ')}</span>}
          </span>
        </span>
        <span className={styles.chips}>
          <StateChips incident={incident} />
        </span>
      </Link>
    </li>
  );
}
