import type { Route } from '../../alert/route/route.ts';
import type { DecisionStamp } from '../../domain/identity.ts';
import { budgetOf } from '../routing/budget.ts';
import { zoneOffset } from '../routing/zones.ts';
import type { Settings } from '../settings.ts';
import { Correlator } from './correlator.ts';

/**
 * The correlator that a configuration asks for: the one place that serving, backtests and explanations share.
 * @param told other routes and receivers than it names.
 */
export function createCorrelator(
  settings: Settings,
  stamp: DecisionStamp,
  externalUrl: string,
  told: { readonly route?: Route; readonly receivers?: readonly string[] } = {},
): Correlator {
  const { budget, digestTo, teamOf } = budgetOf(settings.budget);
  return new Correlator(settings, {
    route: told.route ?? (settings.route as Route),
    receivers: told.receivers ?? settings.receivers.map((receiver) => receiver.name),
    externalUrl,
    stamp,
    notices: {
      intervals: settings.time_intervals,
      inhibitRules: settings.inhibit_rules,
      zone: zoneOffset,
      budget,
      ...(digestTo === undefined ? {} : { digestTo }),
    },
    ...(teamOf === undefined ? {} : { teamOf }),
  });
}
