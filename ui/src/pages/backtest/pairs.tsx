import { Button } from '@mantine/core';
import type { WireComparison } from '../../api/types.ts';
import { percent, plural, span } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { Empty, Panel } from '../../shared/panel.tsx';
import { href, Link, useSearch } from '../../shared/router.tsx';
import { Chip, SeveritySign, VERDICT_WORDS } from '../../shared/signs.tsx';
import { Time } from '../../shared/time.tsx';
import styles from './backtest.module.css';

type Pair = WireComparison['incidents'][number];
type Side = NonNullable<Pair['before']>;

const OUTCOMES: Readonly<Record<Pair['outcome'], readonly [word: string, tone: string]>> = {
  lost: ['not there', 'warning'],
  muted: ['muted', 'warning'],
  added: ['new', 'info'],
  changed: ['different', 'accent'],
  same: ['the same', 'plain'],
};
const ORDER = Object.keys(OUTCOMES) as Pair['outcome'][];

/** Each incident as it was beside what it would have been; what differs comes first. */
export function Pairs({ result }: { result: WireComparison }) {
  const search = useSearch();
  const { incidents, truncated } = result;
  const show = search.get('show');
  const items = incidents
    .filter(({ outcome }) => show === '' || outcome === show)
    .toSorted((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome) || timeOf(b) - timeOf(a));
  const count = (outcome: string): number => incidents.filter((pair) => pair.outcome === outcome).length;
  return (
    <Panel
      title="Incident by incident"
      aside={
        <span className={styles.filters}>
          {['', ...ORDER.filter((outcome) => count(outcome) > 0)].map((outcome) => (
            <Button
              key={outcome}
              size="compact-xs"
              variant={show === outcome ? 'filled' : 'default'}
              aria-pressed={show === outcome}
              onClick={() => search.set({ show: outcome })}
            >
              {outcome === ''
                ? `all ${incidents.length}`
                : `${OUTCOMES[outcome as Pair['outcome']][0]} ${count(outcome)}`}
            </Button>
          ))}
        </span>
      }
      flush
    >
      {items.length === 0 ? (
        <Empty title={incidents.length === 0 ? 'No incident, then or now' : 'None of these'}>
          {incidents.length === 0
            ? 'Nothing fired in that time with either configuration; try a longer one.'
            : 'Choose another kind above.'}
        </Empty>
      ) : (
        <>
          <ul aria-label="Incidents then and now" className={styles.pairs}>
            {items.map((pair) => (
              <Row key={`${pair.outcome}${pair.before?.id}${pair.after?.id}`} pair={pair} />
            ))}
          </ul>
          {truncated && <p className={styles.more}>There are more than are listed; the totals above count them all.</p>}
        </>
      )}
    </Panel>
  );
}

const timeOf = ({ before, after }: Pair): number => before?.openedAt ?? after?.openedAt ?? 0;

function Row({ pair }: { pair: Pair }) {
  const { outcome, verdict, before, after, differences } = pair;
  const [word, tone] = OUTCOMES[outcome];
  const { words } = useNames();
  const lostReal = verdict === 'real' && (outcome === 'lost' || outcome === 'muted');
  return (
    <li data-outcome={outcome}>
      <span className={styles.pairHead}>
        <Chip tone={lostReal ? 'critical' : tone}>{word}</Chip>
        {verdict !== null && (
          <Chip tone={lostReal ? 'critical' : 'plain'}>
            {VERDICT_WORDS[verdict].label.toLowerCase()}
            {lostReal && ', lost'}
          </Chip>
        )}
      </span>
      <div className={styles.sides}>
        <Half label="Happened" side={before} none="No incident" link />
        <Half label="Would have" side={after} none="No incident" link={false} />
      </div>
      {differences.length > 0 && (
        <ul className={styles.differences}>
          {differences.map(({ field, before: was, after: is }) => (
            <li key={field}>
              <b>{field}</b> <del>{words(was, timeOf(pair))}</del> → <ins>{words(is, timeOf(pair))}</ins>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function Half({ label, side, none, link }: { label: string; side: Side | null; none: string; link: boolean }) {
  const { words, short } = useNames();
  if (side === null)
    return (
      <div className={styles.half} data-none="true">
        <span className={styles.halfLabel}>{label}</span>
        <span className="muted">{none}</span>
      </div>
    );
  const title = words(side.title, side.openedAt);
  const receivers = [...new Set(side.notifications.map(({ receiver }) => receiver))];
  return (
    <div className={styles.half}>
      <span className={styles.halfLabel}>{label}</span>
      <span>
        <SeveritySign severity={side.severity} bare />{' '}
        {link ? <Link to={href(`incidents/${side.id}`)}>{title}</Link> : <b>{title}</b>}
      </span>
      <span className="muted">
        <Time at={side.openedAt} />, {side.closedAt === null ? 'open' : `for ${span(side.closedAt - side.openedAt)}`},{' '}
        {percent(side.confidence)} sure{side.cause !== null && `, cause ${short(side.cause)}`}
      </span>
      <span className={side.heldBy === null ? 'muted' : styles.heldBy}>
        {side.heldBy ??
          (side.notifications.length === 0
            ? 'nobody told'
            : `${plural(side.notifications.length, 'notification')} to ${receivers.join(', ')}`)}
      </span>
    </div>
  );
}
