import { type FaultCase, readAlertStream, readCloudbed, readTvdiagSockshop, type StreamAlert } from '../data/alerts.ts';
import {
  GROUP_BASELINES,
  mostAlerts,
  mostKinds,
  productGroups,
  productRoots,
  type RootRanker,
} from '../feed/group-alerts.ts';
import { fixed, machineLine, table, withInterval } from '../report.ts';
import { scoreAlertGroups } from '../scorers/alert-groups.ts';
import { bootstrap, seededRandom } from '../scorers/bootstrap.ts';
import { accuracyAt } from './rca.ts';

export interface GroupingOptions {
  readonly data: string;
  readonly verbose: boolean;
  readonly progress: (line: string) => void;
}

const NETWORKS = ['russellmitchell', 'shaw'];

function streamSection(network: string, alerts: readonly StreamAlert[], options: GroupingOptions): string[] {
  const phases = alerts.map(({ phase }) => phase);
  const rows: string[][] = [];
  const add = (name: string, groups: ArrayLike<number>): void => {
    const score = scoreAlertGroups(groups, phases);
    const values = [score.precision, score.recall, score.f1].map((value) => fixed(value, 2));
    const counts = [score.groupsPerPhase, score.phasesPerGroup].map((value) => fixed(value, 2));
    rows.push([name, ...values, ...counts, fixed(score.compression, 1)]);
  };
  for (const [name, keyOf] of Object.entries(GROUP_BASELINES)) {
    const numbers = new Map<string, number>();
    add(
      name,
      alerts.map((alert, i) => {
        const key = keyOf(alert, i);
        const number = numbers.get(key) ?? numbers.size;
        numbers.set(key, number);
        return number;
      }),
    );
  }
  options.progress(`${network}: Tocsin`);
  const groups = productGroups(alerts);
  add('Tocsin', groups);
  const labelled = phases.filter((phase) => phase !== null).length;
  const details: string[] = [];
  if (options.verbose) {
    const names = [...new Set(phases)].filter((phase) => phase !== null);
    for (const name of names) {
      const of = new Map<number, number>();
      phases.forEach((phase, i) => {
        if (phase === name) of.set(groups[i]!, (of.get(groups[i]!) ?? 0) + 1);
      });
      details.push(`${name}: ${[...of].map(([group, n]) => `${n} in ${group}`).join(', ')}`);
    }
  }
  return [
    `### ${network}: ${alerts.length} alerts, ${labelled} of ${new Set(phases).size - 1} phases`,
    table(['grouping', 'B-cubed P', 'R', 'F1', 'groups a phase', 'phases a group', 'alerts a group'], rows),
    ...(details.length > 0 ? [`\`\`\`\n${details.join('\n')}\n\`\`\``] : []),
  ];
}

const RANKERS: readonly (readonly [string, RootRanker])[] = [
  ['random', shuffled],
  ['most alerts', mostAlerts],
  ['most different alerts', mostKinds],
  ['Tocsin', productRoots],
];

function shuffled(fault: FaultCase): readonly string[] {
  const random = seededRandom(Number(fault.name) + 1);
  const entities = [...new Set(fault.alerts.map(({ entity }) => entity))].sort();
  return entities
    .map((entity) => ({ entity, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ entity }) => entity);
}

/** A root that is a service is hit by any of its pods. */
function rankOf(ranking: readonly string[], root: string): number {
  return ranking.findIndex((entity) => entity === root || entity.replace(/\d*-\d+$/, '') === root) + 1;
}

function rootSection(title: string, cases: readonly FaultCase[], options: GroupingOptions): string[] {
  const rows = RANKERS.map(([name, ranker]) => {
    options.progress(`${title}: ${name}`);
    const ranks = cases.map((fault) => rankOf(ranker(fault), fault.root));
    return [
      name,
      withInterval(
        accuracyAt(ranks, 1),
        bootstrap(ranks.length, (w) => accuracyAt(ranks, 1, w)),
        2,
      ),
      fixed(accuracyAt(ranks, 3), 2),
      fixed(accuracyAt(ranks, 5), 2),
    ];
  });
  return [`### ${title}: ${cases.length} faults`, table(['ranking', 'HR@1', 'HR@3', 'HR@5'], rows)];
}

/** Grouping of alerts and the root among them, as Markdown. */
export function runGrouping(options: GroupingOptions): string {
  return [
    '## Grouping of alerts',
    machineLine(),
    'Ready-made alerts as anomalies through `alert/group`, and as evidence through `fuse/diagnose`. B-cubed is the mean over phases; alerts of no phase (false positives) are in the stream and in the groups.',
    ...NETWORKS.flatMap((network) => streamSection(network, readAlertStream(options.data, network), options)),
    ...rootSection('TVDiag sock-shop, root instance', readTvdiagSockshop(options.data), options),
    ...rootSection('Online Boutique cloudbed-1, root service, pod or machine', readCloudbed(options.data), options),
  ].join('\n\n');
}
