import { Button } from '@mantine/core';
import { useBacktest, useBacktests } from '../../api/replays.ts';
import type { WireBacktestJob } from '../../api/types.ts';
import { percent } from '../../shared/format.ts';
import { Empty, Fetched, Panel } from '../../shared/panel.tsx';
import { href, Link } from '../../shared/router.tsx';
import { Chip } from '../../shared/signs.tsx';
import { Ago, formatDay } from '../../shared/time.tsx';
import type { Head } from '../alerting/alerting-page.tsx';
import styles from './backtest.module.css';
import { BacktestForm } from './backtest-form.tsx';
import { JobView } from './job-view.tsx';

const STATES: Readonly<Record<WireBacktestJob['state'], readonly [word: string, tone: string]>> = {
  running: ['running', 'info'],
  done: ['done', 'accent'],
  failed: ['failed', 'critical'],
  cancelled: ['cancelled', 'plain'],
};

/** Start one, follow it, compare; a job has its own address. */
export function BacktestTab({ head, job }: { head: Head; job: string | undefined }) {
  return job === undefined ? (
    <>
      {head()}
      <div className={styles.columns}>
        <BacktestForm />
        <Jobs />
      </div>
    </>
  ) : (
    <One head={head} id={job} />
  );
}

function One({ head, id }: { head: Head; id: string }) {
  const job = useBacktest(id);
  return (
    <>
      {head(
        <Button component={Link} to={href('alerting/backtest')} size="xs" variant="default">
          Another one
        </Button>,
      )}
      <Fetched query={job} what="backtest" rows={8}>
        {(data) => <JobView job={data} />}
      </Fetched>
    </>
  );
}

function Jobs() {
  const jobs = useBacktests();
  return (
    <Panel title="Since this process started" flush>
      <Fetched query={jobs} what="the backtests">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="None yet">
              Started ones are listed here with their results, also those from the command line.
            </Empty>
          ) : (
            <ul aria-label="Backtests" className={styles.jobs}>
              {items.map((job) => (
                <li key={job.id}>
                  <Link to={href(`alerting/backtest/${job.id}`)} data-item>
                    <span className={styles.jobTitle}>{job.title === '' ? job.kind : job.title}</span>
                    <span className={styles.jobMeta}>
                      {formatDay(job.from)} to {formatDay(job.to)}
                    </span>
                    <span className={styles.jobMeta}>
                      {job.by}, <Ago at={job.createdAt} />
                    </span>
                  </Link>
                  <Chip tone={STATES[job.state][1]}>
                    {job.state === 'running' ? percent(job.progress) : STATES[job.state][0]}
                  </Chip>
                </li>
              ))}
            </ul>
          )
        }
      </Fetched>
    </Panel>
  );
}
