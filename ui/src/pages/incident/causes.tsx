import type { WireCause } from '../../api/types.ts';
import { percent } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
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

/** Reasons with less of the cause's score than this say nothing. */
const LIGHT = 0.08;
/** Suspects with a smaller share are left out. */
const UNLIKELY = 0.02;

const reasonsOf = (cause: WireCause): WireCause['reasons'] => {
  const ordered = cause.reasons.toSorted((a, b) => (b.weight ?? 0) - (a.weight ?? 0));
  const heavy = ordered.filter(({ weight }) => (weight ?? 0) >= LIGHT);
  return heavy.length > 0 ? heavy : ordered.slice(0, 1);
};

/** Suspects by share, each with the reasons that carry it. */
export function Causes({ causes }: { causes: readonly WireCause[] }) {
  const { short, words } = useNames();
  if (causes.length === 0) return <Empty title="No cause ranked yet">Ranking needs a few ticks after the onset.</Empty>;
  return (
    <ol className={styles.causes}>
      {causes
        .filter(({ share }, index) => index === 0 || (share ?? 0) >= UNLIKELY)
        .map((cause, index) => (
          <li key={cause.service}>
            <div className={styles.causeHead}>
              <span className={styles.rank}>{index + 1}</span>
              <Link to={href(`services/${encodeURIComponent(cause.service)}`)} className={styles.causeName}>
                {short(cause.service)}
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
              {reasonsOf(cause).map((reason) => (
                <li key={reason.kind + reason.text}>
                  <span className={styles.reasonKind}>{KIND_WORDS[reason.kind]}</span>
                  <span>{words(reason.text, cause.onset)}</span>
                  <span className="muted">{percent(reason.weight)}</span>
                </li>
              ))}
            </ul>
          </li>
        ))}
    </ol>
  );
}
