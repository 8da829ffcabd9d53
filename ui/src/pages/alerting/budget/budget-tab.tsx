import { useBudget } from '../../../api/alerting.ts';
import type { WireBudget } from '../../../api/types.ts';
import { plain, plural } from '../../../shared/format.ts';
import { useNames } from '../../../shared/names.tsx';
import { Empty, Fetched, Panel } from '../../../shared/panel.tsx';
import { href, Link } from '../../../shared/router.tsx';
import { SeveritySign } from '../../../shared/signs.tsx';
import { momentWords, Time, useNow } from '../../../shared/time.tsx';
import type { Head } from '../alerting-page.tsx';
import styles from './budget.module.css';

type Team = WireBudget['items'][number];

/** How often each team was and may be paged, and what its budget kept for the digest. */
export function BudgetTab({ head }: { head: Head }) {
  const budget = useBudget();
  return (
    <>
      {head()}
      <div className={styles.stack}>
        <Panel
          title="Pages by team, last seven days"
          aside="a page: opened, reopened or escalated; updates cost nothing"
        >
          <Fetched query={budget} what="the budget" rows={4}>
            {({ items }) =>
              items.length === 0 ? (
                <Empty title="Nobody was paged in the last seven days">
                  Each team with a page shows here: how many of its budget it used, and how long the rest lasts.
                </Empty>
              ) : (
                <ul aria-label="Teams" className={styles.teams}>
                  {items
                    .toSorted((a, b) => b.used / Math.max(1, b.allowed) - a.used / Math.max(1, a.allowed))
                    .map((team) => (
                      <TeamRow key={team.team} team={team} />
                    ))}
                </ul>
              )
            }
          </Fetched>
        </Panel>
        <Panel
          title="Held back for the digest"
          aside={budget.data?.digest === undefined ? undefined : <NextDigest digest={budget.data.digest} />}
          flush
        >
          <Fetched query={budget} what="what was held back">
            {({ heldBack }) =>
              heldBack.length === 0 ? (
                <Empty title="Nothing is held back">
                  When a team's budget is spent, or a route asks for more confidence, incidents wait here for the
                  digest: nothing is lost, and everything is on the incidents page at once.
                </Empty>
              ) : (
                <HeldBack items={heldBack} />
              )
            }
          </Fetched>
        </Panel>
      </div>
    </>
  );
}

function NextDigest({ digest }: { digest: WireBudget['digest'] }) {
  const now = useNow(60_000);
  if (digest === null) return <span className={styles.warn}>No digest is configured: it shows here only</span>;
  return (
    <>
      next digest {momentWords(digest.nextAt, now)} to {digest.receiver}, {digest.every}
    </>
  );
}

function TeamRow({ team }: { team: Team }) {
  const { short } = useNames();
  const now = useNow(60_000);
  const { allowed, used, left, projected, spentAt, days, held } = team;
  const whole = Math.max(allowed, used, projected, 1);
  const state = left === 0 ? 'spent' : spentAt !== null ? 'hot' : 'fine';
  const most = Math.max(1, ...days);
  return (
    <li className={styles.team}>
      <div className={styles.who}>
        <span className={styles.name}>{short(team.team)}</span>
        <span className={styles.state} data-state={state}>
          {left === 0
            ? 'budget spent'
            : spentAt !== null
              ? `spent ${momentWords(spentAt, now)} at this pace`
              : `${plural(left, 'page')} left`}
        </span>
      </div>
      <div className={styles.meter}>
        <div
          className={styles.bar}
          role="img"
          aria-label={`${used} of ${allowed} pages used, ${plain(projected)} a week at the pace of the last two days`}
        >
          <i data-state={state} style={{ width: `${(100 * used) / whole}%` }} />
          <u style={{ left: `${(100 * allowed) / whole}%` }} title={`Budget: ${allowed}`} />
          {projected > used && (
            <s style={{ left: `${(100 * projected) / whole}%` }} title={`Pace: ${plain(projected)}`} />
          )}
        </div>
        <p className={styles.words}>
          <b>
            {used} of {allowed}
          </b>{' '}
          used · {plain(projected)} a week at this pace
          {held > 0 && (
            <>
              {' '}
              · <span className={styles.warn}>{held} held back</span>
            </>
          )}
        </p>
      </div>
      <div className={styles.days} role="img" aria-label={`Pages a day, oldest first: ${days.join(', ')}`}>
        {days.map((count, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: seven days in order
          <span key={index} title={dayWords(index, days.length, count)}>
            <i style={{ height: `${Math.max(count === 0 ? 2 : 10, (100 * count) / most)}%` }} data-none={count === 0} />
          </span>
        ))}
      </div>
    </li>
  );
}

function dayWords(index: number, length: number, count: number): string {
  const ago = length - 1 - index;
  return `${ago === 0 ? 'Last 24 hours' : `${plural(ago, 'day')} before`}: ${plural(count, 'page')}`;
}

function HeldBack({ items }: { items: WireBudget['heldBack'] }) {
  const { short, words } = useNames();
  return (
    <ul aria-label="Held back" className={styles.held}>
      {items
        .toSorted((a, b) => b.at - a.at)
        .map((item) => (
          <li key={item.incident}>
            <SeveritySign severity={item.severity} bare size={16} />
            <span className={styles.what}>
              <Link to={href(`incidents/${item.incident}`)} data-item>
                {words(item.title, item.at)}
              </Link>
              <span className="muted">
                {short(item.team)} · {words(item.reason, item.at)}
              </span>
            </span>
            <span className="muted">
              <Time at={item.at} />
            </span>
          </li>
        ))}
    </ul>
  );
}
