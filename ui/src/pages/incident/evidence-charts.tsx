import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useRange } from '../../api/queries.ts';
import type { WireEvidence, WireIncident } from '../../api/types.ts';
import { BandChart } from '../../chart/band-chart.tsx';
import { measure, pValue, span } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { Empty, Fetched } from '../../shared/panel.tsx';
import { href, Link, useSearch } from '../../shared/router.tsx';
import { useLiveEnd } from '../../shared/time.tsx';
import styles from './incident.module.css';

const MINUTE = 60_000;
const SHOWN = 4;

/** The strongest signals, drawn from well before the onset to well after the end, so that before and after compare. */
export function EvidenceCharts({ incident }: { incident: WireIncident }) {
  const [all, showAll] = useState(false);
  const end = useLiveEnd();
  const signals = useMemo(() => inOrder(incident), [incident]);
  const length = (incident.closedAt ?? end) - incident.onset;
  const around = Math.min(180 * MINUTE, Math.max(30 * MINUTE, length));
  const from = Math.floor((incident.onset - around) / MINUTE) * MINUTE;
  const to = Math.ceil(Math.min(end, (incident.closedAt ?? end) + around) / MINUTE) * MINUTE;
  if (signals.length === 0)
    return <Empty title="No signals in evidence">This incident rests on log lines alone.</Empty>;
  return (
    <>
      <ul className={styles.charts}>
        {(all ? signals : signals.slice(0, SHOWN)).map((item) => (
          <Signal
            key={`${item.series}${item.metric}${item.subject}`}
            evidence={item}
            incident={incident}
            from={from}
            to={to}
          />
        ))}
      </ul>
      {signals.length > SHOWN && (
        <Button className={styles.moreCharts} variant="subtle" size="compact-sm" onClick={() => showAll(!all)}>
          {all ? 'Show fewer' : `Show ${signals.length - SHOWN} more signals`}
        </Button>
      )}
    </>
  );
}

/** The likely cause first, in turns with the others, and each measure once before its second pod or percentile. */
function inOrder(incident: WireIncident): readonly WireEvidence[] {
  const services = [...new Set([...incident.causes.map(({ service }) => service), ...incident.services])];
  const seen = new Map<string, number>();
  const count = (key: string): number => {
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return before;
  };
  const drawn = ({ series }: WireEvidence): number => (series === '' ? 1 : 0);
  return incident.evidence
    .filter(({ modality, subject }) => modality !== 'log' || subject === undefined)
    .map((evidence) => {
      const repeat = count(`${evidence.service} ${familyOf(evidence)}`);
      const turn = repeat === 0 ? count(evidence.service) : Infinity;
      return { evidence, repeat, turn, place: services.indexOf(evidence.service) };
    })
    .toSorted(
      (a, b) =>
        drawn(a.evidence) - drawn(b.evidence) || a.repeat - b.repeat || compare(a.turn, b.turn) || a.place - b.place,
    )
    .map(({ evidence }) => evidence);
}

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/** "time of Charge" for its p50, p99 and mean. */
const familyOf = ({ name, metric }: WireEvidence): string =>
  (name ?? metric).replace(/^(own time p99|p\d+|mean time) of/, 'time of');

function Signal({
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
  const { short } = useNames();
  const search = useSearch();
  const { traceId } = evidence;
  return (
    <li>
      <div className={styles.chartHead}>
        {evidence.series === '' ? (
          <Link to={href(`services/${encodeURIComponent(evidence.service)}`)}>
            {short(evidence.service)} <Name evidence={evidence} />
          </Link>
        ) : (
          <Link to={href('explore', { series: evidence.series, from: Math.round(from), to: Math.round(to) })}>
            {short(evidence.service)} <Name evidence={evidence} />
          </Link>
        )}
        <span className="muted">
          {evidence.kind.replaceAll('-', ' ')}, p {pValue(evidence.p)}
        </span>
      </div>
      <Change evidence={evidence} began={incident.onset} />
      {evidence.series === '' ? (
        <Card evidence={evidence} />
      ) : (
        <EvidenceChart evidence={evidence} incident={incident} from={from} to={to} />
      )}
      {traceId !== undefined && incident.traceIds.includes(traceId) && (
        <Button
          size="compact-xs"
          variant="subtle"
          onClick={() => {
            search.set({ trace: traceId });
            document.getElementById('trace')?.scrollIntoView({ behavior: 'smooth', block: 'start' });
          }}
        >
          Show an example trace
        </Button>
      )}
    </li>
  );
}

function Name({ evidence }: { evidence: WireEvidence }) {
  const { words } = useNames();
  return evidence.name === undefined ? (
    <span className="mono">{evidence.metric}</span>
  ) : (
    <span title={[evidence.metric, evidence.instance].filter((part) => part !== '').join(' on ')}>
      {words(evidence.name)}
    </span>
  );
}

/** What has no series to draw: the finding in words. */
function Card({ evidence }: { evidence: WireEvidence }) {
  const { words } = useNames();
  return <p className={styles.finding}>{words(evidence.text, evidence.at)}</p>;
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
    () => ({
      from: evidence.onset,
      to: incident.closedAt,
      deploys: incident.deploys.filter(({ service }) => service === evidence.service),
    }),
    [evidence.onset, evidence.service, incident.closedAt, incident.deploys],
  );
  return (
    <>
      <Fetched query={range} what="the series" rows={4}>
        {(data) => <BandChart range={data} from={from} to={to} height={150} marks={marks} />}
      </Fetched>
      {range.data !== undefined && range.data.series.metric !== evidence.metric && (
        <p className={styles.drawn}>
          Drawn: <span className="mono">{range.data.series.metric}</span>, the series closest to this finding.
        </p>
      )}
    </>
  );
}

/** Before and after in one line: expected against actual, as a factor where that says more. */
function Change({ evidence, began }: { evidence: WireEvidence; began: number }) {
  const { expected, value, unit } = evidence;
  const factor = expected !== null && value !== null && expected > 0 && value > 0 ? value / expected : null;
  const words =
    factor === null
      ? ''
      : factor >= 1_000
        ? 'more than 1000× up'
        : factor >= 1.95
          ? `${factor >= 10 ? Math.round(factor) : factor.toFixed(1)}× up`
          : factor >= 1
            ? `+${Math.round((factor - 1) * 100)} %`
            : `−${Math.round((1 - factor) * 100)} %`;
  const delay = evidence.onset - began;
  return (
    <p className={styles.change}>
      {expected !== null && (
        <>
          <span className="muted">{measure(expected, unit)}</span>
          <span aria-hidden="true">→</span>
          <b>{value === null ? 'no samples' : measure(value, unit)}</b>
        </>
      )}
      {words !== '' && <span className={styles.factor}>{words}</span>}
      <span className="muted">{delay < 5_000 ? 'at the onset' : `${span(delay)} after the onset`}</span>
    </p>
  );
}
