import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useRange } from '../../api/queries.ts';
import type { WireEvidence, WireIncident } from '../../api/types.ts';
import { BandChart } from '../../chart/band-chart.tsx';
import { measure, pValue, span } from '../../shared/format.ts';
import { Empty, Fetched } from '../../shared/panel.tsx';
import { href, Link } from '../../shared/router.tsx';
import { useLiveEnd } from '../../shared/time.tsx';
import styles from './incident.module.css';

const MINUTE = 60_000;
const SHOWN = 4;

/** The strongest series, drawn from well before the onset to well after the end, so that before and after compare. */
export function EvidenceCharts({ incident }: { incident: WireIncident }) {
  const [all, showAll] = useState(false);
  const end = useLiveEnd();
  const series = incident.evidence.filter(({ modality, subject }) => modality !== 'log' || subject === undefined);
  const length = (incident.closedAt ?? end) - incident.onset;
  const around = Math.min(180 * MINUTE, Math.max(30 * MINUTE, length));
  const from = Math.floor((incident.onset - around) / MINUTE) * MINUTE;
  const to = Math.ceil(Math.min(end, (incident.closedAt ?? end) + around) / MINUTE) * MINUTE;
  if (series.length === 0)
    return <Empty title="No series in evidence">This incident rests on logs or traces alone.</Empty>;
  return (
    <>
      <ul className={styles.charts}>
        {(all ? series : series.slice(0, SHOWN)).map((item) => (
          <EvidenceChart key={item.series + item.metric} evidence={item} incident={incident} from={from} to={to} />
        ))}
      </ul>
      {series.length > SHOWN && (
        <Button className={styles.moreCharts} variant="subtle" size="compact-sm" onClick={() => showAll(!all)}>
          {all ? 'Show fewer' : `Show ${series.length - SHOWN} more series`}
        </Button>
      )}
    </>
  );
}

function EvidenceChart({
  evidence,
  incident,
  from,
  to,
}: {
  evidence: WireEvidence;
  incident: WireIncident;
  from: number;
  to: number;
}) {
  const range = useRange(evidence.series, { from, to });
  const marks = useMemo(
    () => ({ from: evidence.onset, to: incident.closedAt, deploys: incident.deploys }),
    [evidence.onset, incident.closedAt, incident.deploys],
  );
  return (
    <li>
      <div className={styles.chartHead}>
        <Link to={href('explore', { series: evidence.series, from: Math.round(from), to: Math.round(to) })}>
          {evidence.service} <span className="mono">{evidence.metric}</span>
        </Link>
        <span className="muted">
          {evidence.kind.replaceAll('-', ' ')}, p {pValue(evidence.p)}
        </span>
      </div>
      <Change evidence={evidence} began={incident.onset} />
      <Fetched query={range} what="the series" rows={4}>
        {(data) => <BandChart range={data} from={from} to={to} height={150} marks={marks} />}
      </Fetched>
    </li>
  );
}

/** Before and after in one line: expected against actual, as a factor where that says more. */
function Change({ evidence, began }: { evidence: WireEvidence; began: number }) {
  const { expected, value, unit } = evidence;
  const factor = expected !== null && value !== null && expected > 0 && value > 0 ? value / expected : null;
  const words =
    factor === null
      ? ''
      : factor >= 1.95
        ? `${factor >= 10 ? Math.round(factor) : factor.toFixed(1)}× up`
        : factor >= 1
          ? `+${Math.round((factor - 1) * 100)} %`
          : `−${Math.round((1 - factor) * 100)} %`;
  const delay = evidence.onset - began;
  return (
    <p className={styles.change}>
      <span className="muted">{measure(expected, unit)}</span>
      <span aria-hidden="true">→</span>
      <b>{value === null ? 'no samples' : measure(value, unit)}</b>
      {words !== '' && <span className={styles.factor}>{words}</span>}
      <span className="muted">{delay < 5_000 ? 'at the onset' : `${span(delay)} after the onset`}</span>
    </p>
  );
}
