import { topicNames } from '../../bus/topics.ts';
import type { Settings } from '../settings.ts';
import type { FlinkCluster, FlinkJob } from './gateway.ts';
import { compileFlinkPlan, type FlinkPlan } from './sql.ts';

const OURS = 'tocsin-features-';
const ENDED = new Set(['FINISHED', 'FAILED', 'CANCELED', 'CANCELLING', 'FAILING']);

/** The job that the configuration asks for. */
export function desiredPlan({ bus }: Settings): FlinkPlan {
  const topics = topicNames(bus.topic_prefix);
  return compileFlinkPlan({
    brokers: bus.brokers,
    rollups: topics.rollups,
    features: topics.features,
    edges: bus.flink.edges.map((edge) => {
      const [caller, callee] = edge.split(' -> ') as [string, string];
      return { caller, callee };
    }),
    correlate: bus.flink.correlate,
    bounded: false,
    lake: bus.flink.lake,
  });
}

export interface FlinkState {
  /** The job of this plan, when it runs. */
  readonly current: FlinkJob | null;
  /** Jobs of ours that run other plans. */
  readonly others: readonly FlinkJob[];
}

/** What runs, against what is asked for. Jobs live in the cluster: nothing is remembered here. */
export async function compareState(flink: FlinkCluster, plan: FlinkPlan): Promise<FlinkState> {
  const running = (await flink.jobs()).filter(({ name, state }) => name.startsWith(OURS) && !ENDED.has(state));
  return {
    current: running.find(({ name }) => name === plan.name) ?? null,
    others: running.filter(({ name }) => name !== plan.name),
  };
}

/**
 * Makes what runs what is asked for: starts the plan's job if it does not run, and stops the others with a savepoint only then.
 * Both write the same windows for a moment; rows of a window carry its key, so that readers keep one.
 */
export async function applyPlan(
  flink: FlinkCluster,
  plan: FlinkPlan,
  onStep: (text: string) => void,
): Promise<{ readonly job: string; readonly savepoints: readonly string[] }> {
  const { current, others } = await compareState(flink, plan);
  let job = current?.id ?? null;
  if (job === null) {
    job = await flink.run(plan.statements);
    if (job === null) throw new Error('the statement set started no job');
    onStep(`started ${plan.name} as job ${job}`);
  } else onStep(`${plan.name} runs as job ${job}`);
  const savepoints: string[] = [];
  for (const other of others) {
    savepoints.push(await flink.stop(other.id));
    onStep(`stopped ${other.name}, savepoint ${savepoints.at(-1)}`);
  }
  return { job, savepoints };
}
