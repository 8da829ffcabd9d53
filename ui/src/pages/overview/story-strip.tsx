import type { WireDeploy, WireIncidentSummary } from '../../api/types.ts';
import { useNames } from '../../shared/names.tsx';
import { href, Link } from '../../shared/router.tsx';
import { SeveritySign } from '../../shared/signs.tsx';
import { formatDay, formatShort } from '../../shared/time.tsx';
import styles from './overview.module.css';

interface StripProps {
  readonly incidents: readonly WireIncidentSummary[];
  readonly deploys: readonly WireDeploy[];
  readonly from: number;
  readonly to: number;
}

const HOUR = 3_600_000;

/** The day as a line: incidents as bars, deploys as flags. */
export function StoryStrip({ incidents, deploys, from, to }: StripProps) {
  const { short, words } = useNames();
  const place = (at: number): number => ((Math.min(to, Math.max(from, at)) - from) / (to - from)) * 100;
  const shown = incidents
    .filter(({ onset, closedAt }) => onset < to && (closedAt ?? to) > from)
    .toSorted((a, b) => a.onset - b.onset);
  const ends: number[] = [];
  const rows = shown.map((incident) => {
    const free = ends.findIndex((end) => end <= incident.onset);
    const row = free < 0 ? ends.length : free;
    ends[row] = (incident.closedAt ?? to) + 0.4 * HOUR;
    return row;
  });
  const offset = new Date(from).getTimezoneOffset() * 60_000;
  const first = Math.ceil((from - offset) / (4 * HOUR)) * 4 * HOUR + offset;
  const hours = Array.from({ length: 7 }, (_, index) => first + index * 4 * HOUR).filter((at) => at < to);
  return (
    <div className={styles.strip} style={{ height: 44 + Math.max(1, ends.length) * 18 }}>
      {hours.map((at) => (
        <span key={at} className={styles.hour} style={{ left: `${place(at)}%` }}>
          {formatShort(at)}
        </span>
      ))}
      {deploys
        .filter(({ at }) => at >= from && at < to)
        .map((deploy) => (
          <span
            key={`${deploy.service}${deploy.at}`}
            className={styles.flag}
            style={{ left: `${place(deploy.at)}%` }}
            title={`${short(deploy.service)} ${deploy.from} → ${deploy.to}, ${formatDay(deploy.at)}`}
          />
        ))}
      {shown.map((incident, index) => (
        <Link
          key={incident.id}
          to={href(`incidents/${incident.id}`)}
          className={styles.story}
          data-severity={incident.severity}
          data-open={incident.status === 'open'}
          style={{
            left: `min(${place(incident.onset)}%, calc(100% - 14px))`,
            width: `max(14px, ${place(incident.closedAt ?? to) - place(incident.onset)}%)`,
            top: 20 + (rows[index] ?? 0) * 18,
          }}
          title={`${words(incident.title)} (${formatDay(incident.onset)})`}
          aria-label={`${words(incident.title)}, ${formatDay(incident.onset)}`}
        >
          <SeveritySign severity={incident.severity} bare size={11} />
        </Link>
      ))}
      {shown.length === 0 && <span className={styles.nothing}>No incidents</span>}
    </div>
  );
}
