import { useDeploys, useIncidents, useServices, useStatus } from '../../api/queries.ts';
import type { WireHealth, WireIncidentSummary } from '../../api/types.ts';
import { bytes, plain, plural, span } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { Empty, Fetched, Panel } from '../../shared/panel.tsx';
import { href, Link } from '../../shared/router.tsx';
import { Ago, useLiveEnd, useNow } from '../../shared/time.tsx';
import { IncidentRow } from '../incidents/incident-row.tsx';
import { FirstRun } from './first-run.tsx';
import { Headline } from './headline.tsx';
import { HealthGrid } from './health-grid.tsx';
import styles from './overview.module.css';
import { StoryStrip } from './story-strip.tsx';

const DAY = 86_400_000;

/** What is wrong now, in one glance; below it, what was. */
export function OverviewPage() {
  const { short } = useNames();
  const status = useStatus();
  const services = useServices();
  const incidents = useIncidents({ limit: 50 });
  const end = Math.ceil(useLiveEnd() / 60_000) * 60_000;
  const deploys = useDeploys({ from: Math.floor(end / 3_600_000) * 3_600_000 - 2 * DAY });
  const all = incidents.data?.pages.flatMap((page) => page.items) ?? [];
  const open = all.filter(({ status: state }) => state === 'open');
  const closed = all.filter(({ status: state }) => state === 'closed');

  if (status.data !== undefined && status.data.stats.series === 0 && services.data?.items.length === 0)
    return <FirstRun status={status.data} />;

  return (
    <div className={styles.page}>
      <Fetched query={services} what="the services" rows={4}>
        {({ items }) =>
          incidents.data === undefined ? (
            <Headline open={[]} services={items} loading />
          ) : (
            <Headline open={sorted(open)} services={items} />
          )
        }
      </Fetched>
      <Panel title="Last 24 hours" aside={<StripKey />}>
        <StoryStrip incidents={all} deploys={deploys.data?.items ?? []} from={end - DAY} to={end} />
      </Panel>
      <div className={styles.columns}>
        <div className={styles.stack}>
          <Panel
            title="Services"
            aside={services.data === undefined ? undefined : <Census services={services.data.items} />}
          >
            <Fetched query={services} what="the services">
              {({ items }) => <HealthGrid services={items} />}
            </Fetched>
          </Panel>
          <Panel title="Recently closed" aside={<Link to={href('incidents')}>All incidents</Link>} flush>
            <Fetched query={incidents} what="the incidents">
              {() =>
                closed.length === 0 ? (
                  <Empty title="No closed incidents">They appear here when their services have recovered.</Empty>
                ) : (
                  <ul>
                    {closed.slice(0, 5).map((incident) => (
                      <IncidentRow key={incident.id} incident={incident} />
                    ))}
                  </ul>
                )
              }
            </Fetched>
          </Panel>
        </div>
        <div className={styles.stack}>
          <Panel title="Coming in">
            <Fetched query={status} what="the status">
              {({ stats, historyBytes, now }) => (
                <dl className={styles.figures}>
                  <Figure name="Points" value={plain(stats.pointsPerSecond)} unit="/s" />
                  <Figure name="Log lines" value={plain(stats.logsPerSecond)} unit="/s" />
                  <Figure name="Spans" value={plain(stats.spansPerSecond)} unit="/s" />
                  <Figure name="Series" value={plain(stats.series)} />
                  <Figure name="Running for" value={span(now - stats.startedAt)} />
                  <Figure name="History" value={bytes(historyBytes)} />
                </dl>
              )}
            </Fetched>
          </Panel>
          <Panel title="Deploys" aside="last 2 days">
            <Fetched query={deploys} what="the deploys">
              {({ items }) =>
                items.length === 0 ? (
                  <Empty title="No deploys seen">
                    {services.data?.items.some(({ version }) => version !== '') === true
                      ? 'When a service shows a new version, it appears here and on every chart.'
                      : 'Send service.version as a resource attribute and they appear here and on every chart.'}
                  </Empty>
                ) : (
                  <ul className={styles.deploys}>
                    {items
                      .toSorted((a, b) => b.at - a.at)
                      .slice(0, 8)
                      .map((deploy) => (
                        <li key={`${deploy.service}${deploy.at}`}>
                          <Link to={href(`services/${encodeURIComponent(deploy.service)}`)}>
                            {short(deploy.service)}
                          </Link>
                          <span className="mono">
                            {deploy.from} → {deploy.to}
                          </span>
                          <span className="muted">
                            <Ago at={deploy.at} />
                          </span>
                        </li>
                      ))}
                  </ul>
                )
              }
            </Fetched>
          </Panel>
          {services.data !== undefined && status.data !== undefined && stillLearns(services.data.items) && (
            <Learning services={services.data.items} startedAt={status.data.stats.startedAt} />
          )}
        </div>
      </div>
    </div>
  );
}

const RANK = { critical: 0, warning: 1, info: 2 } as const;

function sorted(open: readonly WireIncidentSummary[]): readonly WireIncidentSummary[] {
  return open.toSorted((a, b) => RANK[a.severity] - RANK[b.severity] || b.openedAt - a.openedAt);
}

function Figure({ name, value, unit = '' }: { name: string; value: string; unit?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {unit !== '' && <small>{unit}</small>}
      </dd>
    </div>
  );
}

function Census({ services }: { services: readonly WireHealth[] }) {
  const normal = services.filter(({ state }) => state === 'healthy').length;
  return (
    <>
      {normal} of {plural(services.length, 'service')} normal · bars: metrics, logs, traces
    </>
  );
}

function StripKey() {
  return (
    <span className={styles.key}>
      <span>
        <i data-kind="incident" /> incident
      </span>
      <span>
        <i data-kind="deploy" /> deploy
      </span>
    </span>
  );
}

/** Once all is learnt there is nothing to say about it. */
const stillLearns = (services: readonly WireHealth[]): boolean => services.some(({ state }) => state === 'learning');

function Learning({ services, startedAt }: { services: readonly WireHealth[]; startedAt: number }) {
  const now = useNow();
  const { short } = useNames();
  const learning = services.filter(({ state }) => state === 'learning');
  const ready = services.length - learning.length;
  return (
    <Panel title="Learning">
      <div className={styles.learning}>
        <progress
          className={styles.meter}
          aria-label="Services with a learnt baseline"
          max={services.length}
          value={ready}
        />
        <p>
          {ready} of {services.length} services have a baseline.
          {learning.length > 0 && (
            <span className="muted">
              {' '}
              {learning
                .map(({ service }) => short(service))
                .slice(0, 4)
                .join(', ')}
              {learning.length > 4 && ` and ${learning.length - 4} more`} {learning.length === 1 ? 'is' : 'are'} still
              learning; bands come after about 15 minutes of data.
            </span>
          )}
        </p>
        {now - startedAt < DAY && <p className="muted">Daily rhythm is learnt after the first day.</p>}
      </div>
    </Panel>
  );
}
