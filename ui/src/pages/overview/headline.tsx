import { useStatus } from '../../api/queries.ts';
import type { WireHealth, WireIncidentSummary } from '../../api/types.ts';
import { percent, plural, span } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { Loading } from '../../shared/panel.tsx';
import { href, Link } from '../../shared/router.tsx';
import { SeveritySign } from '../../shared/signs.tsx';
import { momentWords, useNow } from '../../shared/time.tsx';
import { StateChips } from '../incidents/state-chips.tsx';
import styles from './overview.module.css';
import { Quieted } from './quieted.tsx';

/** The answer to "is something wrong?" as a sentence, and each open incident as one line of reason. */
export function Headline({
  open,
  services,
  loading = false,
}: {
  open: readonly WireIncidentSummary[];
  services: readonly WireHealth[];
  loading?: boolean;
}) {
  const now = useNow();
  const { data } = useStatus();
  const from = data?.stats.catchingUpFrom ?? null;
  const { short, words: said } = useNames();
  if (loading) return <Loading label="open incidents" rows={3} height={26} />;
  const hit = new Set(open.flatMap((incident) => incident.services)).size;
  const silent = services.filter(({ state }) => state === 'silent').length;
  const critical = open.filter(({ severity }) => severity === 'critical').length;
  const words =
    open.length === 0
      ? silent > 0
        ? `Nothing anomalous, but ${plural(silent, 'service')} went silent`
        : 'All quiet'
      : critical === open.length
        ? plural(open.length, 'critical incident')
        : `${plural(open.length, 'open incident')}${critical > 0 ? `, ${critical} critical` : ''}`;
  const asOf = from === null ? '' : ` as of ${momentWords(data?.watermark ?? 0, now)}, still catching up`;
  const lead =
    open.length === 0
      ? `${plural(services.length, 'service')} watched, none outside its normal range${asOf}.`
      : `${plural(hit, 'service')} of ${services.length} outside ${hit === 1 ? 'its' : 'their'} normal range${asOf}.`;
  return (
    <section aria-label="Now">
      <div className={styles.now} data-quiet={open.length === 0}>
        <h1>{words}</h1>
        <p>{lead}</p>
        <Quieted />
      </div>
      {open.length > 0 && (
        <ul className={styles.open}>
          {open.map((incident) => (
            <li key={incident.id}>
              <Link
                to={href(`incidents/${incident.id}`)}
                className={styles.card}
                data-severity={incident.severity}
                data-item
              >
                <span className={styles.cardTop}>
                  <SeveritySign severity={incident.severity} size={16} />
                  <span className="muted">
                    for {span(now - incident.onset)} · {percent(incident.confidence)} confident
                  </span>
                  <StateChips incident={incident} />
                </span>
                <span className={styles.cardTitle}>{said(incident.title, incident.onset)}</span>
                {incident.cause !== null && (
                  <span className={styles.cardCause}>
                    <b>
                      {short(incident.cause.service)} {percent(incident.cause.share)}
                    </b>{' '}
                    {said(incident.cause.text, incident.onset)}
                  </span>
                )}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
