import type { WireEvidence } from '../../api/types.ts';
import { measureRange, plain, plural } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { href, Link } from '../../shared/router.tsx';
import { Time } from '../../shared/time.tsx';
import styles from './incident.module.css';

const KINDS: Readonly<Record<string, string>> = {
  'new-pattern': 'never seen before',
  'pattern-burst': 'far more often than usual',
  'pattern-missing': 'missing',
  sequence: 'at an unusual place',
};

/** How many lines there were, where that is what was counted. */
function amountOf({ kind, metric, value, expected, lower, upper }: WireEvidence): string {
  if (metric === 'log.parameter')
    return `: a number in it is ${plain(value)}, usually ${measureRange(lower, upper, '')}`;
  if ((kind !== 'new-pattern' && kind !== 'pattern-burst') || value === null) return '';
  const usual = expected === null || kind === 'new-pattern' ? '' : `, usually ${plain(expected)}`;
  return `: ${plural(Math.max(1, Math.round(value)), 'line')}${usual}`;
}

/** What was never seen before says most. */
const RANK = ['new-pattern', 'pattern-burst', 'pattern-missing', 'sequence'];
const placeOf = ({ kind }: WireEvidence): number => (RANK.includes(kind) ? RANK.indexOf(kind) : RANK.length);
const inOrder = (lines: readonly WireEvidence[]) => lines.toSorted((a, b) => placeOf(a) - placeOf(b));

/** Templates never seen before, variable parts marked, each with one line as it came. */
export function LogLines({ lines }: { lines: readonly WireEvidence[] }) {
  const { short } = useNames();
  return (
    <ul className={styles.logs}>
      {inOrder(lines).map((line) => (
        <li key={line.service + (line.subject ?? '')}>
          <div className={styles.logHead}>
            <Link to={href(`services/${encodeURIComponent(line.service)}`)}>{short(line.service)}</Link>
            <span className="muted">
              {line.metric === 'log.parameter' ? 'unusual' : (KINDS[line.kind] ?? line.kind.replaceAll('-', ' '))} at{' '}
              <Time at={line.at} look="clock" />
              {amountOf(line)}
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
