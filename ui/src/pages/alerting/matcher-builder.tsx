import { ActionIcon, Autocomplete, Button, NativeSelect } from '@mantine/core';
import type { Matcher } from '../../../../src/domain/alerting/matcher.ts';
import { useOpenAlerts } from '../../api/alerting.ts';
import { useServices } from '../../api/queries.ts';
import { matcherOf, OPERATORS, type Operator, operatorOf } from '../../shared/matchers.ts';
import styles from './alerting.module.css';

const OPERATOR_WORDS: Readonly<Record<Operator, string>> = {
  '=': '= is',
  '!=': '!= is not',
  '=~': '=~ matches',
  '!~': '!~ matches not',
};

/** What incidents carry; more come from those that are open. */
const NAMES = ['service', 'severity', 'incident', 'team', 'tenant', 'alertname'];

/** Label matchers, a row each: all must hold. Suggests the labels and values that incidents have. */
export function MatcherBuilder({
  value,
  onChange,
  empty,
  focus = false,
}: {
  value: readonly Matcher[];
  onChange: (matchers: readonly Matcher[]) => void;
  /** What no matcher at all means here. */
  empty: string;
  /** The first value is what to type first. */
  focus?: boolean;
}) {
  const services = useServices();
  const alerts = useOpenAlerts();
  const open = alerts.data ?? [];
  const names = [...new Set([...NAMES, ...open.flatMap(({ labels }) => Object.keys(labels))])];
  const valuesOf = (name: string): string[] => {
    if (name === 'severity') return ['critical', 'warning', 'info'];
    if (name === 'service') return (services.data?.items ?? []).map(({ service }) => service).toSorted();
    return [...new Set(open.flatMap(({ labels }) => labels[name] ?? []))];
  };
  const put = (at: number, matcher: Matcher): void => onChange(value.map((old, i) => (i === at ? matcher : old)));
  return (
    <fieldset className={styles.matchers}>
      <legend>Matches incidents where all of these hold</legend>
      {value.length === 0 && <p className="muted">{empty}</p>}
      {value.map((matcher, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place
        <div key={at} className={styles.matcher}>
          <Autocomplete
            size="xs"
            openOnFocus={false}
            aria-label={`Label ${at + 1}`}
            placeholder="label"
            data={names}
            value={matcher.name}
            onChange={(name) => put(at, { ...matcher, name })}
          />
          <NativeSelect
            size="xs"
            aria-label={`Comparison ${at + 1}`}
            data={OPERATORS.map((operator) => ({ value: operator, label: OPERATOR_WORDS[operator] }))}
            value={operatorOf(matcher)}
            onChange={(event) => put(at, matcherOf(matcher.name, event.currentTarget.value as Operator, matcher.value))}
          />
          <Autocomplete
            size="xs"
            openOnFocus={false}
            aria-label={`Value ${at + 1}`}
            placeholder={matcher.isRegex ? 'payments|checkout' : 'value'}
            data={matcher.isRegex ? [] : valuesOf(matcher.name)}
            value={matcher.value}
            limit={50}
            {...(at === 0 && focus && matcher.value === '' ? { 'data-autofocus': true } : {})}
            maxLength={1_024}
            onChange={(text) => put(at, { ...matcher, value: text })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove matcher ${at + 1}`}
            onClick={() => onChange(value.filter((_, i) => i !== at))}
          >
            <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
              <path d="M4 4l8 8M12 4l-8 8" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" />
            </svg>
          </ActionIcon>
        </div>
      ))}
      <Button
        size="compact-xs"
        variant="default"
        className={styles.add}
        onClick={() =>
          onChange([...value, matcherOf(value.some(({ name }) => name === 'service') ? '' : 'service', '=', '')])
        }
      >
        Add a matcher
      </Button>
    </fieldset>
  );
}

/** Rows that say something yet: those without a label are being typed. */
export const complete = (matchers: readonly Matcher[]): readonly Matcher[] =>
  matchers.filter(({ name, value, isEqual }) => name !== '' && (value !== '' || !isEqual));
