import { FlinkCluster } from '../../pipeline/flink/gateway.ts';
import { applyPlan, compareState, desiredPlan } from '../../pipeline/flink/reconcile.ts';
import type { Settings } from '../../pipeline/settings.ts';
import type { Output } from '../output.ts';

const clusterOf = ({ bus }: Settings): FlinkCluster => new FlinkCluster(bus.flink.gateway, bus.flink.jobmanager);

/** Prints the SQL that the configuration asks for. */
export function flinkPlan(settings: Settings, output: Output): number {
  const plan = desiredPlan(settings);
  output.line(`-- ${plan.name}`);
  for (const statement of plan.statements) output.line(`${statement};\n`);
  return 0;
}

/** Starts what is missing, then stops what is not asked for. */
export async function flinkApply(settings: Settings, output: Output): Promise<number> {
  await applyPlan(clusterOf(settings), desiredPlan(settings), (text) => output.line(text));
  return 0;
}

/** Exit code 0 when what runs is what is asked for, else 1. */
export async function flinkStatus(settings: Settings, output: Output): Promise<number> {
  const plan = desiredPlan(settings);
  const { current, others } = await compareState(clusterOf(settings), plan);
  output.line(`asked for  ${plan.name}: ${current === null ? 'does not run' : `${current.state}, job ${current.id}`}`);
  for (const { name, id, state } of others) output.line(`besides    ${name}: ${state}, job ${id}`);
  return current?.state === 'RUNNING' && others.length === 0 ? 0 : 1;
}

/** Stops all jobs of ours, each with a savepoint. */
export async function flinkStop(settings: Settings, output: Output): Promise<number> {
  const flink = clusterOf(settings);
  const { current, others } = await compareState(flink, desiredPlan(settings));
  for (const job of [...(current === null ? [] : [current]), ...others])
    output.line(`stopped ${job.name}, savepoint ${await flink.stop(job.id)}`);
  return 0;
}
