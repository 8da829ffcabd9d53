import { asSpans, readTraceRca } from '../data/tracerca.ts';
import { edgeRuleIncidents } from '../feed/edge-rule.ts';
import { machineLine } from '../report.ts';
import type { FaultsOptions } from './faults.ts';
import { faultReport } from './faults.ts';

/** TraceRCA (Train Ticket, 2019): 56 short fault periods with nothing between them, as spans only. */
export async function runTraces(data: string, options: Omit<FaultsOptions, 'data' | 'sets'>): Promise<string> {
  const periods = readTraceRca(data);
  const set = asSpans(periods);
  options.progress(`${set.name}: ${periods.length} periods, ${set.spans.length} spans`);
  return [
    '## Traces',
    machineLine(),
    'TraceRCA: a period is found when an incident opens in it. There is no quiet traffic between periods, so precision and false alarms say little here; the rank of the faulty service is the measure. The edge rule knows where periods begin.',
    ...(await faultReport(set, [['edge latency and error rule', () => edgeRuleIncidents(periods)]], options)),
  ].join('\n\n');
}
