import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useEffect } from 'react';
import { useIncident } from '../../api/queries.ts';
import type { WireIncident } from '../../api/types.ts';
import { NOTHING, percent, span } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { Fetched, Panel } from '../../shared/panel.tsx';
import { href, Link, navigate, useSearch } from '../../shared/router.tsx';
import { Chip, SeveritySign } from '../../shared/signs.tsx';
import { Time, useNow } from '../../shared/time.tsx';
import { ActionBar } from './actions/action-bar.tsx';
import { HeldBanner } from './actions/held-banner.tsx';
import { Causes } from './causes.tsx';
import { EvidenceCharts } from './evidence-charts.tsx';
import styles from './incident.module.css';
import { LogLines } from './log-lines.tsx';
import { Timeline } from './timeline.tsx';
import { TraceWaterfall } from './trace-waterfall.tsx';
import { Why } from './why.tsx';

/** One story: what, since when, who caused it and why we think so; then what it really was. */
export function IncidentPage({ id }: { id: string }) {
  const query = useIncident(id);
  const kept = query.data?.id ?? id;
  // A merged one leads to that which it is part of.
  useEffect(() => {
    if (kept !== id) navigate(href(`incidents/${kept}`, { from: id }), { replace: true });
  }, [kept, id]);
  return (
    <Fetched query={query} what="incident" rows={8} page>
      {(incident) => <Story incident={incident} />}
    </Fetched>
  );
}

function Story({ incident }: { incident: WireIncident }) {
  const now = useNow();
  const merged = useSearch().get('from');
  const { short, words } = useNames();
  const logs = incident.evidence.filter(({ modality, subject }) => modality === 'log' && subject !== undefined);
  useEffect(() => {
    document.title = `${words(incident.title)} · Tocsin`;
  }, [incident.title, words]);
  return (
    <article className={styles.page}>
      <header className={styles.head} data-severity={incident.severity} data-open={incident.status === 'open'}>
        <div className={styles.crumbs}>
          <Link to={href('incidents')}>Incidents</Link>
          <span aria-hidden="true">/</span>
          <SeveritySign severity={incident.severity} size={15} />
          <Chip tone={incident.status === 'open' ? 'critical' : 'plain'}>{incident.status}</Chip>
          {incident.reopenedCount > 0 && <Chip>reopened {incident.reopenedCount}×</Chip>}
          <span className={`mono ${styles.id}`}>{incident.id}</span>
        </div>
        <h1 className={styles.title}>{words(incident.title, incident.onset)}</h1>
        {merged !== '' && merged !== incident.id && (
          <p className={styles.merged} role="status">
            <span className="mono">{merged}</span> was merged into this incident.
          </p>
        )}
        <p className={styles.summary}>{words(incident.summary, incident.onset)}</p>
        <dl className={styles.facts}>
          <Fact name="Began">
            <Time at={incident.onset} />
          </Fact>
          <Fact name={incident.status === 'open' ? 'Open for' : 'Lasted'}>
            {span((incident.closedAt ?? now) - incident.onset)}
          </Fact>
          <Fact name="Confidence" about="How likely a person would call this real">
            {percent(incident.confidence)}
          </Fact>
          <Fact name="Score" about="0 is usual, 0.5 is p = 10⁻³, 1 is p ≤ 10⁻⁶">
            {incident.score === null ? NOTHING : incident.score.toFixed(2)}
          </Fact>
          <Fact name="Services">
            <span className={styles.services}>
              {incident.services.map((service) => (
                <Link key={service} to={href(`services/${encodeURIComponent(service)}`)}>
                  {short(service)}
                </Link>
              ))}
            </span>
          </Fact>
          <Fact name="Who has it">
            {incident.assignedTo ?? incident.acknowledgedBy ?? (incident.status === 'open' ? 'nobody yet' : 'nobody')}
          </Fact>
        </dl>
        <HeldBanner incident={incident} />
        <ActionBar incident={incident} />
      </header>
      <div className={styles.columns}>
        <div className={styles.main}>
          <Panel title="Likely causes">
            <Causes causes={incident.causes} />
          </Panel>
          <Why incident={incident.id} />
          <Panel title="Evidence" aside="dashed: expected · shaded: normal band · rings: p < 10⁻³">
            <EvidenceCharts incident={incident} />
          </Panel>
          {logs.length > 0 && (
            <Panel title="Log lines">
              <LogLines lines={logs} />
            </Panel>
          )}
          {incident.traceIds.length > 0 && (
            <div id="trace">
              <ExampleTraces ids={incident.traceIds} />
            </div>
          )}
        </div>
        <aside className={styles.side} aria-label="History of this incident">
          <Panel title="Timeline">
            <Timeline incident={incident} />
          </Panel>
          {incident.contributions.length > 0 && (
            <Panel title="What it rests on">
              <ul className={styles.shares}>
                {incident.contributions.map(({ name, share }) => (
                  <li key={name}>
                    <span>{words(name)}</span>
                    <span>{percent(share)}</span>
                    <span className={styles.shareBar} aria-hidden="true">
                      <i style={{ width: percent(share).replace(' ', '') }} />
                    </span>
                  </li>
                ))}
              </ul>
            </Panel>
          )}
        </aside>
      </div>
    </article>
  );
}

const TRACES = 5;

function ExampleTraces({ ids }: { ids: readonly string[] }) {
  const search = useSearch();
  const asked = search.get('trace');
  const shown = ids.includes(asked) ? asked : (ids[0] ?? '');
  const listed = ids.indexOf(shown) < TRACES ? ids.slice(0, TRACES) : [...ids.slice(0, TRACES - 1), shown];
  return (
    <Panel
      title="Example trace"
      aside={
        listed.length > 1 && (
          <span className={styles.kinds}>
            {listed.map((id, index) => (
              <Button
                key={id}
                size="compact-xs"
                variant={id === shown ? 'filled' : 'default'}
                aria-pressed={id === shown}
                aria-label={`Example ${index + 1}`}
                onClick={() => search.set({ trace: id })}
              >
                {index + 1}
              </Button>
            ))}
          </span>
        )
      }
    >
      <TraceWaterfall traceId={shown} />
    </Panel>
  );
}

function Fact({ name, children, about }: { name: string; children: ReactNode; about?: string }) {
  return (
    <div title={about}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
