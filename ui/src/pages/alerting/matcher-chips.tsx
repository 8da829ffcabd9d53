import type { Matcher } from '../../../../src/domain/alerting/matcher.ts';
import { operatorOf } from '../../shared/matchers.ts';
import { useNames } from '../../shared/names.tsx';
import styles from './alerting.module.css';

/** Matchers as they are written, a chip each. */
export function MatcherChips({
  matchers,
  none,
  wide = true,
}: {
  matchers: readonly Matcher[];
  /** What no matcher means. */
  none?: string;
  /** That is more than one expects: it stands out. */
  wide?: boolean;
}) {
  const { short } = useNames();
  if (matchers.length === 0)
    return none === undefined ? null : <span className={wide ? styles.everything : styles.chip}>{none}</span>;
  return (
    <span className={styles.chips}>
      {matchers.map((matcher) => (
        <span
          key={`${matcher.name}${operatorOf(matcher)}${matcher.value}`}
          className={styles.chip}
          title={`${matcher.name}${operatorOf(matcher)}"${matcher.value}"`}
        >
          <span className={styles.label}>{matcher.name}</span>
          <span className={styles.operator}>{operatorOf(matcher)}</span>
          {matcher.name === 'service' && !matcher.isRegex ? short(matcher.value) : matcher.value || '""'}
        </span>
      ))}
    </span>
  );
}
