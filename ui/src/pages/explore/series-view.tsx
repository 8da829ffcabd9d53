import { useMemo } from 'react';
import { useDeploys, useIncidents, useRange } from '../../api/queries.ts';
import type { WireRange } from '../../api/types.ts';
import { BandChart } from '../../chart/band-chart.tsx';
import { STRANGE } from '../../chart/columns.ts';
import { WhyNot } from '../../explain/why-not.tsx';
import { measure, measureRange, pValue } from '../../shared/format.ts';
import { marksOf, useNames } from '../../shared/names.tsx';
import { Empty, Fetched, Panel } from '../../shared/panel.tsx';
import { href, Link, type Search } from '../../shared/router.tsx';
import { Chip } from '../../shared/signs.tsx';
import { Time } from '../../shared/time.tsx';
import { IncidentRow } from '../incidents/incident-row.tsx';
import styles from './explore.module.css';
import type { Window } from './window.ts';

export function SeriesView({ id, view, search }: { id: string; view: Window; search: Search }) {
  const range = useRange(id, { from: view.from, to: view.to, step: view.step });
  return (
    <>
      <Panel>
        <Fetched query={range} what="series" rows={9}>
          {(data) => <Chart range={data} view={view} search={search} />}
        </Fetched>
      </Panel>
      <WhyNot
        search={search}
        subject={id}
        hint="Click the chart at a step that should have alerted, or should not have: every stage says what it saw."
        suggested={range.data === undefined ? undefined : strangestOf(range.data)}
      />
    </>
  );
}

/** The moment of the strangest step, if any is strange at all. */
function strangestOf({ at, surprise }: WireRange): number | undefined {
  let best = -1;
  for (let i = 0; i < at.length; i++)
    if ((surprise[i] ?? 0) >= STRANGE && (best < 0 || (surprise[i] ?? 0) > (surprise[best] ?? 0))) best = i;
  return at[best];
}

function Chart({ range, view, search }: { range: WireRange; view: Window; search: Search }) {
  const { series } = range;
  const { short, words } = useNames();
  const bucket = Math.floor(view.from / 600_000) * 600_000;
  const deploys = useDeploys({ service: series.service, from: bucket });
  const incidents = useIncidents({ service: series.service, limit: 20 });
  const why = Number(search.get('why'));
  const marks = useMemo(() => ({ deploys: deploys.data?.items ?? [], at: why > 0 ? why : null }), [deploys.data, why]);
  const touching = (incidents.data?.pages.flatMap((page) => page.items) ?? []).filter(
    ({ onset, closedAt }) => onset < view.to && (closedAt ?? Infinity) > view.from,
  );
  return (
    <div className={styles.series}>
      <div className={styles.seriesHead}>
        <h2 className="mono">{series.metric}</h2>
        <Link to={href(`services/${encodeURIComponent(series.service)}`)}>{short(series.service)}</Link>
        {marksOf(series).map((mark) => (
          <Chip key={mark}>{words(mark)}</Chip>
        ))}
      </div>
      <BandChart
        range={range}
        from={view.from}
        to={view.to}
        height={300}
        score={84}
        marks={marks}
        onZoom={view.zoom}
        onPick={(at) => search.set({ why: Math.round(at) }, { push: true })}
      />
      <p className={styles.hint}>
        Shaded: where the series usually lies. Below: how strange each step was. Drag across the chart to zoom, click it
        to ask why.
      </p>
      {range.at.length === 0 && (
        <Empty title="No samples in this range">
          Take a longer one, or see when the series was last seen: <Time at={series.lastSeen} />.
        </Empty>
      )}
      {range.at.length > 0 && range.upper.every((value) => value === null) && (
        <p className={styles.hint} role="status">
          No band yet: this series is still learning. It takes about 15 minutes of samples.
        </p>
      )}
      {touching.length > 0 && (
        <section aria-label="Incidents of this service in this range">
          <h3 className={styles.sub}>Incidents of {short(series.service)} in this range</h3>
          <ul className={styles.touching}>
            {touching.map((incident) => (
              <IncidentRow key={incident.id} incident={incident} />
            ))}
          </ul>
        </section>
      )}
      <StrangeTable range={range} />
    </div>
  );
}

/** The strange steps as words: the chart for those who cannot see it, and for copying. */
function StrangeTable({ range }: { range: WireRange }) {
  const rows = range.at
    .map((at, index) => ({ at, index, surprise: range.surprise[index] ?? 0 }))
    .filter(({ surprise }) => surprise >= STRANGE)
    .toSorted((a, b) => b.surprise - a.surprise || b.at - a.at)
    .slice(0, 12);
  if (rows.length === 0) return null;
  const { unit } = range.series;
  return (
    <details className={styles.strange}>
      <summary>Strangest steps</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Value</th>
            <th scope="col">Expected</th>
            <th scope="col">p</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ at, index, surprise }) => (
            <tr key={at}>
              <td>
                <Time at={at} />
              </td>
              <td>{measure(range.mean[index] ?? null, unit)}</td>
              <td>{measureRange(range.lower[index] ?? null, range.upper[index] ?? null, unit)}</td>
              <td>{pValue(10 ** -surprise)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
