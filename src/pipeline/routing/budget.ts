import { z } from 'zod';
import type { PageBudgetOptions } from '../../alert/budget/budget.ts';
import { digestTimes, WEEKDAYS } from '../../alert/budget/digest-schedule.ts';
import type { BudgetView } from '../../domain/alerting/budget-view.ts';
import { compileMatchers } from '../../domain/alerting/matcher.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { Correlator } from '../correlator/correlator.ts';
import type { Settings } from '../settings.ts';
import { matcherLines } from './schema.ts';
import { zoneOffset } from './zones.ts';

const doc = <T extends z.ZodType>(field: T, description: string): T => field.meta({ ...field.meta(), description });

const team = z.strictObject({
  name: doc(z.string().min(1), 'Name: the label `team` of its incidents.'),
  matchers: doc(matcherLines, 'Services that are theirs: matchers on `service` and `tenant`.'),
  pages_per_week: doc(z.int().min(0).optional(), 'Their own number of pages.'),
});

/** How many pages a team gets, and when it is told what was held back. */
export const budgetSchema = z
  .strictObject({
    pages_per_week: doc(
      z.int().min(0).default(20),
      'Pages that a team (without teams: a service) gets in any seven days; what exceeds it is held back.',
    ),
    exempt_critical: doc(z.boolean().default(true), 'Critical incidents page even when the budget is spent.'),
    teams: doc(z.array(team).default([]), 'Who owns which services; the first that matches.'),
    digest: z
      .strictObject({
        receiver: doc(
          z.string().default(''),
          'Who is told what the budget, `min_severity` or `min_confidence` held back; empty: it is on the page only.',
        ),
        every: doc(z.enum(['daily', 'weekly']).default('daily'), 'How often.'),
        time: doc(z.string().default('09:00'), 'Time of day, HH:MM.'),
        weekday: doc(z.enum(WEEKDAYS).default('monday'), 'Of a weekly one.'),
        zone: doc(z.string().default('UTC'), 'Time zone, e.g. Europe/Berlin.'),
      })
      .superRefine((given, context) => {
        try {
          digestTimes(given, zoneOffset);
        } catch (error) {
          context.addIssue({ code: 'custom', message: (error as Error).message });
        }
      })
      .prefault({}),
  })
  .superRefine(({ teams }, context) => {
    const names = teams.map(({ name }) => name);
    names.forEach((name, i) => {
      if (names.indexOf(name) !== i)
        context.addIssue({ code: 'custom', path: ['teams', i, 'name'], message: `the team '${name}' is there twice` });
    });
  })
  .prefault({});

export type BudgetSettings = z.output<typeof budgetSchema>;

/** What the correlator needs of it. */
export function budgetOf(settings: BudgetSettings): {
  readonly budget: PageBudgetOptions;
  readonly digestTo?: string;
  readonly teamOf?: (tenant: string, service: string) => string;
} {
  const { teams, digest } = settings;
  const compiled = teams.map(({ name, matchers }) => ({ name, matches: compileMatchers(matchers) }));
  const own = teams.flatMap(({ name, pages_per_week }) =>
    pages_per_week === undefined ? [] : [[name, pages_per_week]],
  );
  return {
    budget: {
      pagesPerWeek: settings.pages_per_week,
      exemptCritical: settings.exempt_critical,
      teams: Object.fromEntries([...teams.map(({ name }) => [name, settings.pages_per_week]), ...own]) as Record<
        string,
        number
      >,
      nextDigest: digest.receiver === '' ? null : digestTimes(digest, zoneOffset),
    },
    ...(digest.receiver === '' ? {} : { digestTo: digest.receiver }),
    ...(teams.length === 0
      ? {}
      : { teamOf: (tenant, service) => compiled.find(({ matches }) => matches({ tenant, service }))?.name ?? '' }),
  };
}

/** How the teams stand, for API and page. */
export function budgetView(correlator: Pick<Correlator, 'budget'>, settings: Settings, now: EpochMs): BudgetView {
  const { teams, held } = correlator.budget();
  const { receiver, ...schedule } = settings.budget.digest;
  return {
    items: teams,
    heldBack: held,
    digest: receiver === '' ? null : { receiver, ...schedule, nextAt: digestTimes(schedule, zoneOffset)(now) },
  };
}
