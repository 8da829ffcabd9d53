import type { WireCause } from '../../api/types.ts';
import { percent } from '../../shared/format.ts';
import { Empty } from '../../shared/panel.tsx';
import { href, Link } from '../../shared/router.tsx';
import { Time } from '../../shared/time.tsx';
import styles from './incident.module.css';

const KIND_WORDS: Readonly<Record<WireCause['reasons'][number]['kind'], string>> = {
  'metric-change': 'metric',
  'self-time': 'self time',
  'edge-gap': 'network gap',
  errors: 'errors',
  'onset-order': 'came first',
  deploy: 'deploy',
  'log-pattern': 'new log',
  topology: 'topology',
  silence: 'silence',
};

/** Suspects by share, each with the reasons that carry it. */
export function Causes({ causes }: { causes: readonly WireCause[] }) {
  if (causes.length === 0) return <Empty title="No cause ranked yet">Ranking needs a few ticks after the onset.</Empty>;
  return (
    <ol className={styles.causes}>
      {causes.map((cause, index) => (
        <li key={cause.service}>
          <div className={styles.causeHead}>
            <span className={styles.rank}>{index + 1}</span>
            <Link to={href(`services/${encodeURIComponent(cause.service)}`)} className={styles.causeName}>
              {cause.service}
            </Link>
            <span className={styles.causeBar} data-rest={index > 0} aria-hidden="true">
              <i style={{ width: `${(cause.share ?? 0) * 100}%` }} />
            </span>
            <b className={styles.share}>{percent(cause.share)}</b>
            <span className={`muted ${styles.causeOnset}`}>
              from <Time at={cause.onset} look="clock" />
            </span>
          </div>
          <ul className={styles.reasons}>
            {cause.reasons.map((reason) => (
              <li key={reason.kind + reason.text}>
                <span className={styles.reasonKind}>{KIND_WORDS[reason.kind]}</span>
                <span>{reason.text}</span>
                <span className="muted">{percent(reason.weight)}</span>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}
