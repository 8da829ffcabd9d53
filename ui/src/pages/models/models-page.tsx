import { Button } from '@mantine/core';
import { useState } from 'react';
import { useCancelTraining, useModels, useTrain } from '../../api/models.ts';
import type { WireModel, WireTrainingJob } from '../../api/types.ts';
import { Confirm } from '../../shared/dialog.tsx';
import { percent, span } from '../../shared/format.ts';
import { Empty, Fetched, PageHead, Panel } from '../../shared/panel.tsx';
import { Chip } from '../../shared/signs.tsx';
import { Ago, useNow } from '../../shared/time.tsx';
import { Drift } from './drift.tsx';
import { ModelVersions } from './model-versions.tsx';
import styles from './models.module.css';
import { Noise } from './noise.tsx';

/** What Tocsin has learnt: each model with its versions, which is in use, and what trains the next. */
export function ModelsPage() {
  const models = useModels();
  const [training, train] = useState<string | null>(null);
  return (
    <>
      <PageHead title="Models" lead="What was learnt, from what, which version is in use; every step can be taken back">
        {models.data?.trainable.map((name) => (
          <Button key={name} size="xs" variant="default" onClick={() => train(name)}>
            Train {name}
          </Button>
        ))}
      </PageHead>
      <Fetched query={models} what="the models" rows={6}>
        {({ items, jobs }) => (
          <div className={styles.stack}>
            {jobs.length > 0 && (
              <Panel title="Training">
                <Jobs jobs={jobs} />
              </Panel>
            )}
            {items.length === 0 ? (
              <Panel>
                <Empty title="Nothing was trained yet">
                  Detection works without: each series has its own running models. Verdicts on incidents are what the
                  first trained model learns from; press Train to make one as a candidate.
                </Empty>
              </Panel>
            ) : (
              [...byName(items)].map(([name, versions]) => <ModelVersions key={name} name={name} versions={versions} />)
            )}
          </div>
        )}
      </Fetched>
      <div className={styles.stack}>
        <Drift />
        <Noise />
      </div>
      {training !== null && <TrainDialog name={training} close={() => train(null)} />}
    </>
  );
}

function byName(items: readonly WireModel[]): ReadonlyMap<string, readonly WireModel[]> {
  const names = new Map<string, WireModel[]>();
  for (const item of items) names.set(item.name, [...(names.get(item.name) ?? []), item]);
  return names;
}

function TrainDialog({ name, close }: { name: string; close: () => void }) {
  const change = useTrain();
  return (
    <Confirm
      opened
      close={close}
      title={`Train a new version of ${name}?`}
      action="Start the training"
      change={change}
      go={() => change.mutate(name, { onSuccess: close })}
    >
      <p>
        It runs beside the detection, on what is kept of the past. What comes of it is a candidate: nothing changes
        until it is promoted.
      </p>
    </Confirm>
  );
}

const TONES: Readonly<Record<WireTrainingJob['state'], string>> = {
  queued: 'plain',
  running: 'info',
  done: 'accent',
  failed: 'critical',
  cancelled: 'plain',
};
const SHOWN = 8;

function Jobs({ jobs }: { jobs: readonly WireTrainingJob[] }) {
  const cancel = useCancelTraining();
  const now = useNow();
  return (
    <ul aria-label="Training jobs" className={styles.jobs}>
      {jobs
        .toReversed()
        .slice(0, SHOWN)
        .map((job) => {
          const going = job.state === 'running' || job.state === 'queued';
          return (
            <li key={job.id}>
              <Chip tone={TONES[job.state]}>{job.state}</Chip>
              <span>
                <b>{job.model}</b>
                {job.result !== null && `, version ${job.result}`}
                {job.error !== '' && <span className={styles.bad}> {job.error}</span>}
                <span className="muted">
                  {' '}
                  by {job.by} <Ago at={job.at} />
                  {job.endedAt === null ? '' : `, took ${span(job.endedAt - job.at)}`}
                  {job.starts > 1 && `, went on ${job.starts - 1}× after a stop`}
                </span>
              </span>
              {going && (
                <span className={styles.progress}>
                  <progress max={1} value={job.progress} aria-label={`Progress of ${job.model}`} />
                  {percent(job.progress)}
                  <Button
                    size="compact-xs"
                    variant="default"
                    loading={cancel.isPending && cancel.variables === job.id}
                    onClick={() => cancel.mutate(job.id)}
                  >
                    Cancel
                  </Button>
                </span>
              )}
              {going && job.progress > 0.02 && (
                <span className="muted">about {span(((now - job.at) / job.progress) * (1 - job.progress))} left</span>
              )}
            </li>
          );
        })}
    </ul>
  );
}
