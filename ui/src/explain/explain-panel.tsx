import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useEffect, useState } from 'react';
import { useDecisionReplay, useExplanation } from '../api/replays.ts';
import type { WireDecisionReplay, WireExplanation } from '../api/types.ts';
import { measure, measureRange, plain, plural, pValue } from '../shared/format.ts';
import { useNames } from '../shared/names.tsx';
import { Failure, Scroller } from '../shared/panel.tsx';
import { href, Link } from '../shared/router.tsx';
import { Chip } from '../shared/signs.tsx';
import { Time } from '../shared/time.tsx';
import styles from './explain.module.css';
import { comparedWords, stageAsks } from './stage-words.ts';

type Stage = WireExplanation['stages'][number];

const OUTCOMES: Readonly<Record<WireExplanation['outcome'], string>> = {
  alerted: 'Somebody was told',
  open: 'An incident, but nobody was told',
  suppressed: 'Strange, but stopped',
  quiet: 'Nothing strange',
  unknown: 'Not known any more',
};

/** Why it alerted, or why it did not: each stage with its numbers, and the smallest change that would have altered it. */
export function ExplainPanel({ subject, at }: { subject: string; at?: number }) {
  const query = useExplanation(subject, at, false);
  // What was only recorded cannot be run again with a change.
  const full = useExplanation(subject, at, true, query.data?.source === 'replayed');
  if (query.data !== undefined) return <Walk explanation={full.data ?? query.data} searching={full.isFetching} />;
  if (query.error !== null)
    return <Failure error={query.error} what="explanation" retry={() => void query.refetch()} />;
  return <Waiting />;
}

/** A busy moment has many series to look at, and the process other things to do. */
const LONG_MS = 6_000;

function Waiting() {
  const [long, become] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => become(true), LONG_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p className="muted" role="status">
      Running the stages again for that moment…
      {long && ' It takes longer than usual: a busy moment has much to look at. The rest of the page works meanwhile.'}
    </p>
  );
}

function Walk({ explanation, searching }: { explanation: WireExplanation; searching: boolean }) {
  const { words } = useNames();
  const { outcome, stages, changes, unsearched, summary, tick, source, incident, subject, at } = explanation;
  return (
    <div className={styles.walk}>
      <div className={styles.answer} data-outcome={outcome}>
        <b>{OUTCOMES[outcome]}</b>
        <p>{words(summary, at)}</p>
        {tick !== null && <TickFacts tick={tick} />}
        {incident !== null && incident !== subject && (
          <p>
            <Link to={href(`incidents/${incident}`)}>The incident of that time</Link>
          </p>
        )}
      </div>
      {stages.length > 0 && (
        <ol className={styles.stages} aria-label="Stages">
          {stages.map((stage) => (
            <StageRow key={`${stage.stage}${stage.at}${stage.decision}`} stage={stage} quiet={outcome === 'quiet'} />
          ))}
        </ol>
      )}
      {searching && (
        <p className="muted" role="status">
          Looking for the smallest change that would have altered it…
        </p>
      )}
      {changes.length > 0 && (
        <section className={styles.changes} aria-label="What would have changed it">
          <h3>What would have changed it</h3>
          <ul>
            {changes.map((change) => (
              <li key={change.what}>
                <span>{words(change.text, at)}</span>
                <Chip tone={change.verified ? 'accent' : 'plain'}>
                  {change.verified ? 'verified by replay' : 'estimated'}
                </Chip>
              </li>
            ))}
          </ul>
        </section>
      )}
      {unsearched.length > 0 && <p>Not tried for lack of time: {unsearched.join(', ')}.</p>}
      {tick !== null && tick.evidence.length > 0 && <Strange evidence={tick.evidence} />}
      <Verify stages={stages} source={source} />
    </div>
  );
}

function TickFacts({ tick }: { tick: NonNullable<WireExplanation['tick']> }) {
  const { metric, log, trace } = tick.pByModality;
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['At', <Time key="t" at={tick.at} look="clock" />],
    ['p of the service', pValue(tick.p)],
    ['Metrics', pValue(metric)],
    ['Logs', pValue(log)],
    ['Traces', pValue(trace)],
    ['Strange series', `${plain(tick.seriesStrange)} of ${plain(tick.seriesSeen)}`],
  ];
  return (
    <>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {tick.learning && (
        <p className={styles.warn}>The service was still learning: nothing alerts until it knows the usual.</p>
      )}
    </>
  );
}

const SIGNS: Readonly<Record<Stage['outcome'], readonly [word: string, shape: ReactNode]>> = {
  passed: [
    'passed',
    <path key="p" d="M3.5 8.3l3 3L12.5 5" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />,
  ],
  suppressed: [
    'stopped here',
    <path key="s" d="M4 4l8 8M12 4l-8 8" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />,
  ],
  'not-reached': ['not reached', <circle key="n" cx="8" cy="8" r="2" fill="currentColor" />],
};

/** In a quiet moment the stage that stopped it did what it should: no warning. */
function StageRow({ stage, quiet }: { stage: Stage; quiet: boolean }) {
  const { words } = useNames();
  const [word, shape] = SIGNS[stage.outcome];
  const numbers = comparedWords(stage.stage, stage.value, stage.limit);
  return (
    <li data-outcome={stage.outcome} data-quiet={quiet} title={stage.stage}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        {shape}
      </svg>
      <span className={styles.ask}>{stageAsks(stage.stage)}</span>
      <span className={styles.verdict}>
        {quiet && stage.outcome === 'suppressed' ? 'no' : word}
        {stage.outcome !== 'not-reached' && (
          <>
            {' '}
            <Time at={stage.at} look="clock" />
          </>
        )}
      </span>
      {(stage.reason !== '' || numbers !== '') && (
        <span className={styles.reason}>
          {words(stage.reason, stage.at)}
          {numbers !== '' && <span className={styles.numbers}>{numbers}</span>}
        </span>
      )}
    </li>
  );
}

const SHOWN = 8;

function Strange({ evidence }: { evidence: NonNullable<WireExplanation['tick']>['evidence'] }) {
  const { words, short } = useNames();
  return (
    <details className={styles.strange}>
      <summary>What stood out then: {plural(evidence.length, 'signal')}</summary>
      <Scroller label="Signals of that moment">
        <table>
          <thead>
            <tr>
              <th scope="col">Signal</th>
              <th scope="col">Value</th>
              <th scope="col">Expected</th>
              <th scope="col">p</th>
            </tr>
          </thead>
          <tbody>
            {evidence.slice(0, SHOWN).map((item) => (
              <tr key={`${item.series}${item.metric}${item.subject}${item.text}`}>
                <th scope="row">
                  {item.series === '' ? (
                    words(item.name ?? item.metric)
                  ) : (
                    <Link
                      to={href('explore', { series: item.series, service: item.service, why: Math.round(item.at) })}
                    >
                      {words(item.name ?? item.metric)}
                    </Link>
                  )}{' '}
                  <span className="muted">{short(item.service)}</span>
                </th>
                <td>{measure(item.value, item.unit)}</td>
                <td>{measureRange(item.lower, item.upper, item.unit)}</td>
                <td>{pValue(item.p)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroller>
    </details>
  );
}

/** The claim of every record, put to the test: made again from what is kept, it must come out the same. */
function Verify({ stages, source }: { stages: readonly Stage[]; source: WireExplanation['source'] }) {
  const [asked, ask] = useState(false);
  const decided = stages.findLast(({ decision }) => decision !== null)?.decision ?? null;
  const replay = useDecisionReplay(decided ?? '', asked && decided !== null);
  return (
    <footer className={styles.verify}>
      <span className="muted">
        {source === 'replayed'
          ? 'The stages were run again on what is kept of that time.'
          : 'What is kept of that time is the record alone.'}
      </span>
      {decided !== null && !asked && (
        <Button size="compact-sm" variant="default" onClick={() => ask(true)}>
          Verify by replay
        </Button>
      )}
      {asked && (
        <div className={styles.replay} role="status">
          {replay.data !== undefined ? (
            <Levels replay={replay.data} />
          ) : replay.error !== null ? (
            <p className={styles.warn}>{replay.error.message}</p>
          ) : (
            <p className="muted">Making the decision again…</p>
          )}
        </div>
      )}
    </footer>
  );
}

const LEVELS: Readonly<Record<string, string>> = {
  ticks: 'From what the services looked like',
  input: 'From the raw input, through the detectors',
};

function Levels({ replay }: { replay: WireDecisionReplay }) {
  return (
    <ul className={styles.levels}>
      {replay.levels.map((level) => (
        <li key={level.level} data-same={level.identical}>
          <b>{LEVELS[level.level] ?? level.level}:</b>{' '}
          {level.identical === true
            ? 'identical, bit by bit.'
            : level.identical === false
              ? 'it came out differently.'
              : ''}{' '}
          <span className="muted">{level.text}</span>
          {level.differences.length > 0 && (
            <ul>
              {level.differences.map(({ field, recorded, replayed }) => (
                <li key={field}>
                  {field}: recorded <span className="mono">{recorded}</span>, now{' '}
                  <span className="mono">{replayed}</span>
                </li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ul>
  );
}
