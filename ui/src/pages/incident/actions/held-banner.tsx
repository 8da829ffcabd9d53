import { useOpenAlerts, useSilences } from '../../../api/alerting.ts';
import type { WireIncident } from '../../../api/types.ts';
import { href, Link } from '../../../shared/router.tsx';
import { momentWords, useNow } from '../../../shared/time.tsx';
import styles from './actions.module.css';

/** Nobody is told, and this is why: suppression is never invisible. */
export function HeldBanner({ incident }: { incident: WireIncident }) {
  const alerts = useOpenAlerts();
  const silences = useSilences();
  const now = useNow();
  const alert = alerts.data?.find(({ fingerprint }) => fingerprint === incident.id);
  if (incident.status !== 'open' || alert === undefined || alert.status.state === 'active') return null;
  const { silencedBy, inhibitedBy, mutedBy } = alert.status;
  return (
    <div className={styles.held} role="status">
      <b>Notifications of this incident are held back.</b>
      <ul>
        {silencedBy.map((id) => {
          const silence = silences.data?.items.find((item) => item.id === id);
          return (
            <li key={id}>
              <Link to={href('alerting/silences', { q: id })}>A silence</Link>
              {silence !== undefined && (
                <>
                  {' '}
                  by {silence.createdBy} until {momentWords(silence.endsAt, now)}
                  {silence.comment !== '' && <>: “{silence.comment}”</>}
                </>
              )}
            </li>
          );
        })}
        {inhibitedBy.map((id) => (
          <li key={id}>
            It is the effect of <Link to={href(`incidents/${id}`)}>another open incident</Link>
          </li>
        ))}
        {mutedBy.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </div>
  );
}
