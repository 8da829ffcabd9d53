import type { WireEvidence } from '../../api/types.ts';
import { measure } from '../../shared/format.ts';
import { href, Link } from '../../shared/router.tsx';
import { Time } from '../../shared/time.tsx';
import styles from './incident.module.css';

/** Templates never seen before, variable parts marked, each with one line as it came. */
export function LogLines({ lines }: { lines: readonly WireEvidence[] }) {
  return (
    <ul className={styles.logs}>
      {lines.map((line) => (
        <li key={line.service + (line.subject ?? '')}>
          <div className={styles.logHead}>
            <Link to={href(`services/${encodeURIComponent(line.service)}`)}>{line.service}</Link>
            <span className="muted">
              {line.kind.replaceAll('-', ' ')}, first <Time at={line.onset} look="clock" />,{' '}
              {measure(line.value, line.unit)}
            </span>
          </div>
          <p className={`mono ${styles.template}`}>
            {(line.subject ?? '').split('<*>').map((part, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never move
              <span key={index}>
                {index > 0 && <mark>∗</mark>}
                {part}
              </span>
            ))}
          </p>
          {line.example !== undefined && (
            <p className={`mono ${styles.example}`}>
              <span className="visually-hidden">Example: </span>
              {line.example}
            </p>
          )}
        </li>
      ))}
    </ul>
  );
}
