import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useRange, useService } from '../../api/queries.ts';
import type { WireEdge, WireSeries, WireService } from '../../api/types.ts';
import { Sparkline } from '../../chart/sparkline.tsx';
import { WhyNot } from '../../explain/why-not.tsx';
import { measure, NOTHING, percent, pValue, shortMeasure } from '../../shared/format.ts';
import { marksOf, useNames } from '../../shared/names.tsx';
import { Empty, Fetched, PageHead, Panel } from '../../shared/panel.tsx';
import { href, Link, useSearch } from '../../shared/router.tsx';
import { StateSign } from '../../shared/signs.tsx';
import { Ago, useLiveEnd } from '../../shared/time.tsx';
import { IncidentRow } from '../incidents/incident-row.tsx';
import styles from './services.module.css';

const HOURS = 6;
const FIRST = 12;

/** One service: how it is, what it is made of, who it talks to, what happened to it. */
export function ServicePage({ name }: { name: string }) {
  const query = useService(name);
  return (
    <Fetched query={query} what="service" rows={8} page>
      {(service) => <Service service={service} />}
    </Fetched>
  );
}

/** What callers see first, then what the machine does. */
const FIRST_LOOKS = ['span.error_ratio', 'span.p99', 'span.rate', 'log.error_rate', 'span.', 'edge.', 'log.'];
const placeOf = ({ metric }: WireSeries): number => {
  const place = FIRST_LOOKS.findIndex((start) => metric.startsWith(start));
  return place < 0 ? FIRST_LOOKS.length : place;
};

function Service({ service }: { service: WireService }) {
  const { health, series, callers, callees, incidents, deploys } = service;
  const search = useSearch();
  const [all, showAll] = useState(false);
  const ordered = useMemo(() => series.toSorted((a, b) => placeOf(a) - placeOf(b)), [series]);
  const { short } = useNames();
  return (
    <>
      <PageHead
        title={short(health.service)}
        lead={
          <span className={styles.lead}>
            <StateSign state={health.state} />
            <span>p {pValue(health.p)}</span>
            {health.version !== '' && <span className="mono">{health.version}</span>}
            <span>
              last data <Ago at={health.lastSeen} />
            </span>
            {health.incident !== null && <Link to={href(`incidents/${health.incident}`)}>Open incident</Link>}
          </span>
        }
      >
        <Link to={href('services')}>All services</Link>
      </PageHead>
      <div className={styles.columns}>
        <div className={styles.stack}>
          <Panel
            title={`Series, last ${HOURS} hours`}
            aside={<Link to={href('explore', { service: health.service })}>Explore all</Link>}
          >
            {series.length === 0 ? (
              <Empty title="No series of this service are kept" />
            ) : (
              <>
                <ul className={styles.sparks}>
                  {(all ? ordered : ordered.slice(0, FIRST)).map((item) => (
                    <Spark key={item.id} series={item} />
                  ))}
                </ul>
                {series.length > FIRST && !all && (
                  <Button size="compact-sm" variant="subtle" onClick={() => showAll(true)}>
                    Show all {series.length}
                  </Button>
                )}
              </>
            )}
          </Panel>
          <WhyNot
            search={search}
            subject={health.service}
            hint="Choose when this service should have alerted, or should not have: every stage says what it saw."
          />
        </div>
        <div className={styles.stack}>
          <Panel title="Called by">
            <Calls edges={callers} side="caller" />
          </Panel>
          <Panel title="Calls">
            <Calls edges={callees} side="callee" />
          </Panel>
          <Panel title="Incidents" flush>
            {incidents.length === 0 ? (
              <Empty title="None kept for this service" />
            ) : (
              <ul>
                {incidents.map((incident) => (
                  <IncidentRow key={incident.id} incident={incident} />
                ))}
              </ul>
            )}
          </Panel>
          <Panel title="Deploys" aside="last 7 days">
            {deploys.length === 0 ? (
              <p className="muted">None seen.</p>
            ) : (
              <ul className={styles.deploys}>
                {deploys.map((deploy) => (
                  <li key={deploy.at}>
                    <span className="mono">
                      {deploy.from} → {deploy.to}
                    </span>
                    <span className="muted">
                      <Ago at={deploy.at} />
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        </div>
      </div>
    </>
  );
}

function Spark({ series }: { series: WireSeries }) {
  const end = Math.ceil(useLiveEnd() / 60_000) * 60_000;
  const range = useRange(series.id, { from: end - HOURS * 3_600_000, to: end, step: 180_000 });
  const last = range.data?.mean.at(-1) ?? null;
  const { words } = useNames();
  const labels = marksOf(series)
    .map((mark) => words(mark))
    .join(' · ');
  return (
    <li>
      <Link to={href('explore', { series: series.id, service: series.service })} className={styles.spark} data-item>
        <span className={styles.sparkName}>
          <span className="mono">{series.metric}</span>
          <small>{labels}</small>
        </span>
        <span className={styles.sparkLine}>{range.data !== undefined && <Sparkline range={range.data} />}</span>
        <b>{range.isPending ? NOTHING : shortMeasure(last, series.unit)}</b>
      </Link>
    </li>
  );
}

function Calls({ edges, side }: { edges: readonly WireEdge[]; side: 'caller' | 'callee' }) {
  const { short } = useNames();
  if (edges.length === 0) return <p className="muted">Nobody seen.</p>;
  return (
    <ul className={styles.calls}>
      {edges.map((edge) => (
        <li key={edge[side]}>
          <Link to={href(`services/${encodeURIComponent(edge[side])}`)}>{short(edge[side])}</Link>
          <span>{measure(edge.callsPerSecond, '1/s')}</span>
          <span>{measure(edge.serverMs, 'ms')}</span>
          <span data-strange={(edge.surprise ?? 0) >= 3}>
            {edge.errorRatio === null ? NOTHING : edge.errorRatio < 0.01 ? '< 1 %' : percent(edge.errorRatio)} errors
          </span>
        </li>
      ))}
    </ul>
  );
}
