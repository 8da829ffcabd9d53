import { Button } from '@mantine/core';
import { useCancelBacktest } from '../../api/replays.ts';
import type { WireBacktestJob, WireComparison } from '../../api/types.ts';
import { percent, plural, span } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { Empty, Panel } from '../../shared/panel.tsx';
import { VERDICT_WORDS } from '../../shared/signs.tsx';
import { Ago, Time } from '../../shared/time.tsx';
import styles from './backtest.module.css';
import { Pairs } from './pairs.tsx';

/** A job: how far it is, or what it found. */
export function JobView({ job }: { job: WireBacktestJob }) {
  return (
    <div className={styles.stack}>
      <p className={styles.about}>
        <b>{job.title}</b>
        <span className="muted">
          <Time at={job.from} /> to <Time at={job.to} />, asked by {job.by} <Ago at={job.createdAt} />
        </span>
      </p>
      {job.state === 'running' && <Running job={job} />}
      {job.state === 'failed' && (
        <Panel>
          <Empty title="It could not be run">{job.error ?? 'No reason was given.'}</Empty>
        </Panel>
      )}
      {job.state === 'cancelled' && (
        <Panel>
          <Empty title="It was cancelled">
            Nothing was changed. Start another one with a shorter time if it took too long.
          </Empty>
        </Panel>
      )}
      {job.result !== null && <Result job={job} result={job.result} />}
    </div>
  );
}

function Running({ job }: { job: WireBacktestJob }) {
  const cancel = useCancelBacktest();
  return (
    <Panel title="Running">
      <div className={styles.running} role="status">
        <progress max={1} value={job.progress} aria-label="Progress" />
        <b>{percent(job.progress)}</b>
        <span className="muted">
          of {span(job.to - job.from)}, since <Ago at={job.createdAt} />
        </span>
        <Button size="xs" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate(job.id)}>
          Cancel
        </Button>
      </div>
    </Panel>
  );
}

const NOTES = 3;

type Totals = WireComparison['totals']['before'];
const ROWS: readonly (readonly [key: keyof Totals, name: string])[] = [
  ['incidents', 'Incidents'],
  ['critical', 'critical'],
  ['warning', 'warning'],
  ['info', 'info'],
  ['notifications', 'Notifications'],
];

function Result({ job, result }: { job: WireBacktestJob; result: WireComparison }) {
  const { totals, labelled, config, reproduced } = result;
  const { words } = useNames();
  return (
    <>
      <div className={styles.cards}>
        <Panel title="What would have been">
          <p className={styles.headline}>{headlineOf(result)}</p>
          <table className={styles.totals}>
            <thead>
              <tr>
                <td />
                <th scope="col">Happened</th>
                <th scope="col">Would have</th>
                <th scope="col">Change</th>
              </tr>
            </thead>
            <tbody>
              {ROWS.map(([key, name]) => {
                const change = totals.after[key] - totals.before[key];
                return (
                  <tr key={key} data-part={name === name.toLowerCase()}>
                    <th scope="row">{name}</th>
                    <td>{totals.before[key]}</td>
                    <td>{totals.after[key]}</td>
                    <td>{change === 0 ? '±0' : change > 0 ? `+${change}` : `−${-change}`}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Panel>
        <Panel title="What people said of them" aside="incidents with a verdict">
          <Labelled labelled={labelled} />
        </Panel>
        <Panel title="How exact it is">
          <p>
            {result.exact ? (
              <b>What happened came out as it is stored, bit by bit.</b>
            ) : (
              <>
                <b>
                  {reproduced.identical} of {plural(reproduced.stored, 'incident')}
                </b>{' '}
                came out as stored.
              </>
            )}
          </p>
          <p className="muted">
            Run from{' '}
            {result.mode === 'ticks'
              ? 'what services looked like at each tick'
              : 'the raw input, through the detectors'}
            , <Time at={result.from} /> to <Time at={result.to} />
            {(result.from > job.from + 60_000 || result.to < job.to - 60_000) && ': the rest is no longer kept'}.
          </p>
          {result.notes.length > 0 && (
            <ul className={styles.notes}>
              {result.notes.slice(0, NOTES).map((note) => (
                <li key={note}>{words(note, result.to)}</li>
              ))}
              {result.notes.length > NOTES && <li>and {result.notes.length - NOTES} more like these</li>}
            </ul>
          )}
        </Panel>
      </div>
      {config.changed.length > 0 && (
        <Panel
          title="What is different in the configuration"
          aside={<span className="mono">{`${config.before.slice(0, 8)} → ${config.after.slice(0, 8)}`}</span>}
        >
          <ul className={styles.changes}>
            {config.changed.map(({ path, before, after }) => (
              <li key={path}>
                <span className="mono">{path}</span>
                <span>
                  <del>{before === '' ? 'not set' : before}</del> → <ins>{after === '' ? 'not set' : after}</ins>
                </span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      <Pairs result={result} />
    </>
  );
}

function headlineOf({ incidents, totals, config }: WireComparison): string {
  const count = (outcome: string): number => incidents.filter((pair) => pair.outcome === outcome).length;
  const [lost, muted, added, changed] = [count('lost'), count('muted'), count('added'), count('changed')];
  if (lost + muted + added + changed === 0)
    return config.changed.length === 0
      ? 'The same configuration, the same incidents.'
      : 'Nothing would have been different.';
  const parts = [
    lost > 0 ? `${plural(lost, 'incident')} would not be there` : '',
    muted > 0 ? `${muted} would be muted` : '',
    added > 0 ? `${added} would be new` : '',
    changed > 0 ? `${changed} would look different` : '',
  ].filter((part) => part !== '');
  const less = totals.before.notifications - totals.after.notifications;
  return `${parts.join(', ')}${less === 0 ? '' : `; ${plural(Math.abs(less), 'notification')} ${less > 0 ? 'fewer' : 'more'}`}.`;
}

function Labelled({ labelled }: { labelled: WireComparison['labelled'] }) {
  const kinds = (Object.keys(VERDICT_WORDS) as (keyof typeof VERDICT_WORDS)[]).filter(
    (kind) => (labelled.kept[kind] ?? 0) + (labelled.lost[kind] ?? 0) > 0,
  );
  if (kinds.length === 0)
    return (
      <p className="muted">
        No incident of that time has a verdict. Say of past incidents what they were, and this tells which a change
        would keep.
      </p>
    );
  return (
    <ul className={styles.labelled}>
      {kinds.map((kind) => {
        const [kept, lost] = [labelled.kept[kind] ?? 0, labelled.lost[kind] ?? 0];
        const bad = kind === 'real' ? lost > 0 : false;
        return (
          <li key={kind} data-bad={bad}>
            <b>{VERDICT_WORDS[kind].label}</b>
            <span>
              {kept} of {kept + lost} still told
              {lost > 0 && (
                <span className={bad ? styles.bad : styles.good}>
                  {' '}
                  · {lost} {kind === 'real' ? 'lost' : 'spared'}
                </span>
              )}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
