import { TocsinError } from '../../../domain/error.ts';
import type { Incident } from '../../../domain/incident.ts';
import type {
  BacktestIncident,
  BacktestJob,
  BacktestPair,
  Backtests,
  BacktestTotals,
  Comparison,
  ExplainedStage,
  Explanation,
} from '../../../domain/replay/backtest.ts';
import { MINUTE } from '../../../domain/units.ts';
import type { ApiDeps } from '../../deps.ts';

/** How long a job of the fixture takes. */
const JOB_MS = 2_500;

/** Jobs that run by the clock and find what a stricter route would have changed; walks made of the fixture's own records. */
export function createShopBacktests(deps: Pick<ApiDeps, 'control' | 'history' | 'clock'>): Backtests {
  const { control, history, clock } = deps;
  const jobs = new Map<string, BacktestJob & { readonly changed: boolean }>();
  let incidents: readonly Incident[] = [];
  void control.incidents({ limit: 200 }).then((page) => {
    incidents = page.items;
  });

  const viewOf = ({ changed, ...job }: BacktestJob & { readonly changed: boolean }): BacktestJob => {
    if (job.state !== 'running') return job;
    const progress = Math.min(1, (clock.now() - job.createdAt) / JOB_MS);
    if (progress < 1) return { ...job, progress };
    return { ...job, state: 'done', progress: 1, result: compare(incidents, job, changed) };
  };
  const find = (id: string) => {
    const job = jobs.get(id);
    if (job === undefined) throw new TocsinError('not_found', `there is no backtest ${id}`);
    return job;
  };
  const start: Backtests['start'] = (kind, { from, to, change }, by) => {
    if (change?.kind === 'config' && change.text.includes('recievers'))
      throw new TocsinError('invalid_config', "line 1: unknown key 'recievers', did you mean 'receivers'?");
    const id = `bt-${jobs.size + 1}`;
    const title = change === undefined ? 'The running configuration' : 'Another configuration';
    const base = { id, kind, from, to, by, title, createdAt: clock.now(), progress: 0, error: null, result: null };
    jobs.set(id, { ...base, state: 'running', changed: change !== undefined });
    return viewOf(find(id));
  };

  return {
    start,
    jobs: () => [...jobs.values()].map(viewOf).reverse(),
    job: (id) => viewOf(find(id)),
    cancel(id) {
      const job = viewOf(find(id));
      jobs.set(id, { ...job, state: job.state === 'running' ? 'cancelled' : job.state, changed: false });
      return viewOf(find(id));
    },
    wait: async (id) => viewOf(find(id)),
    async explain(subject, at, _window, changes = true) {
      const incident = incidents.find(({ id }) => id === subject);
      const series = incident === undefined ? await history.series(subject) : null;
      const service = incident?.anomalies[0]?.service ?? series?.service ?? subject;
      const around =
        incident ??
        incidents.find(
          (one) =>
            one.services.includes(service) && one.onset <= at && (one.closedAt ?? Number.POSITIVE_INFINITY) >= at,
        );
      const kind = incident !== undefined ? 'incident' : series === null ? 'service' : 'series';
      if (around === undefined) {
        const walk = quiet(subject, kind, service, at);
        return changes ? walk : { ...walk, changes: [] };
      }
      const records = await control.decisions({ subject: around.id });
      const stages = records.map(({ stage, outcome, reason, value, limit, at: when, id }): ExplainedStage => {
        return { stage, outcome, reason, value, limit, at: when, decision: id };
      });
      const held = stages.find(({ outcome }) => outcome === 'suppressed');
      return {
        subject,
        kind,
        service,
        at: around.openedAt,
        tick: tickOf(around, service),
        outcome: held === undefined ? 'alerted' : 'open',
        stages:
          held === undefined
            ? stages
            : [...stages, { ...held, stage: 'notify', outcome: 'not-reached', reason: '', decision: null }],
        changes: !changes
          ? []
          : [
              {
                what: 'service p',
                before: '1e-6',
                after: '1.2e-4',
                text:
                  held === undefined
                    ? `With a p of ${service} above 1.2·10⁻⁴, against 10⁻⁶, nobody would have been told.`
                    : 'With a severity of warning, the default route would have taken it.',
                verified: held === undefined,
              },
            ],
        summary:
          held === undefined
            ? `${service} was strange for three ticks of 10 s in a row, strong enough among the services of that moment, and a route took it.`
            : `${service} was strange, and an incident opened; ${held.reason}.`,
        unsearched: [],
        source: 'replayed',
        incident: around.id,
      };
    },
    async replayDecision(id) {
      const decision = (await control.decisions({ limit: 1_000 })).find((record) => record.id === id);
      if (decision === undefined) throw new TocsinError('not_found', `there is no decision ${id}`);
      return {
        decision,
        levels: [
          {
            level: 'ticks',
            available: true,
            identical: true,
            text: '412 ticks from a checkpoint on.',
            differences: [],
          },
          {
            level: 'input',
            available: false,
            identical: null,
            text: 'Raw input of that time is not kept.',
            differences: [],
          },
        ],
      };
    },
  };
}

function quiet(subject: string, kind: Explanation['kind'], service: string, at: number): Explanation {
  const rest = ['false-discovery', 'persistence', 'group', 'route', 'notify'] as const;
  return {
    subject,
    kind,
    service,
    at,
    tick: {
      at,
      p: 0.21,
      pByModality: { metric: 0.34, log: 0.52, trace: 0.21 },
      learning: false,
      seriesSeen: 7,
      seriesStrange: 0,
      evidence: [],
    },
    outcome: 'quiet',
    stages: [
      {
        stage: 'service-p',
        outcome: 'suppressed',
        reason: 'the service looked as it usually does',
        value: 0.21,
        limit: 1e-3,
        at,
        decision: null,
      },
      ...rest.map((stage): ExplainedStage => {
        return { stage, outcome: 'not-reached', reason: '', value: null, limit: null, at, decision: null };
      }),
    ],
    changes: [
      {
        what: 'service p',
        before: '0.21',
        after: '1.2e-4',
        text: `It would have alerted with a p of ${service} of 1.2·10⁻⁴ or less for three ticks in a row.`,
        verified: true,
      },
    ],
    summary: `${service} was within what is usual for it around then.`,
    unsearched: [],
    source: 'replayed',
    incident: null,
  };
}

function tickOf(incident: Incident, service: string): Explanation['tick'] {
  const evidence = incident.evidence.filter((item) => item.service === service);
  const p = incident.anomalies.find((anomaly) => anomaly.service === service)?.p ?? 1e-6;
  return {
    at: incident.openedAt - 40_000,
    p,
    pByModality: { metric: 0.04, log: p * 10, trace: p },
    learning: false,
    seriesSeen: 7,
    seriesStrange: evidence.length,
    evidence,
  };
}

const briefOf = (incident: Incident): BacktestIncident => ({
  id: incident.id,
  title: incident.title,
  severity: incident.severity,
  score: incident.score,
  confidence: incident.confidence,
  services: incident.services,
  cause: incident.causes[0]?.service ?? null,
  openedAt: incident.openedAt,
  closedAt: incident.closedAt,
  heldBy: incident.severity === 'info' ? 'severity info is below warning' : null,
  notifications:
    incident.severity === 'info'
      ? []
      : ['alertmanager', 'slack-oncall'].map((receiver) => ({ at: incident.openedAt, receiver, reason: 'opened' })),
});

/** With a change: information is gone, one warning is muted, one incident closes later. */
function compare(all: readonly Incident[], job: BacktestJob, changed: boolean): Comparison {
  const stories = all.filter(({ openedAt }) => openedAt >= job.from && openedAt <= job.to);
  let late = false;
  const pairs = stories.map((incident): BacktestPair => {
    const before = briefOf(incident);
    const verdict = incident.verdict?.kind ?? null;
    if (!changed) return { outcome: 'same', verdict, before, after: before, differences: [] };
    if (incident.severity === 'info') return { outcome: 'lost', verdict, before, after: null, differences: [] };
    if (incident.severity === 'warning' && incident.closedAt === null) {
      const heldBy = 'confidence 0.78 is below 0.8';
      return { outcome: 'muted', verdict, before, after: { ...before, heldBy, notifications: [] }, differences: [] };
    }
    if (incident.closedAt === null || late) return { outcome: 'same', verdict, before, after: before, differences: [] };
    late = true;
    const closedAt = incident.closedAt + 6 * MINUTE;
    return {
      outcome: 'changed',
      verdict,
      before,
      after: { ...before, closedAt },
      differences: [{ field: 'lasts', before: '27 min', after: '33 min' }],
    };
  });
  const totalsOf = (sides: readonly (BacktestIncident | null)[]): BacktestTotals => {
    const here = sides.filter((side) => side !== null);
    const of = (severity: string): number => here.filter((side) => side.severity === severity).length;
    return {
      incidents: here.length,
      notifications: here.reduce((sum, side) => sum + side.notifications.length, 0),
      critical: of('critical'),
      warning: of('warning'),
      info: of('info'),
    };
  };
  const kept: Partial<Record<string, number>> = {};
  const lost: Partial<Record<string, number>> = {};
  for (const { verdict, outcome } of pairs) {
    if (verdict === null) continue;
    const into = outcome === 'lost' || outcome === 'muted' ? lost : kept;
    into[verdict] = (into[verdict] ?? 0) + 1;
  }
  return {
    from: job.from,
    to: job.to,
    mode: 'ticks',
    exact: true,
    notes: changed ? ['Silences and maintenance of that time are as they were.'] : [],
    config: {
      before: 'c41f9a0277be',
      after: changed ? '88d1f2a6b310' : 'c41f9a0277be',
      changed: changed ? [{ path: 'route.min_confidence', before: '0', after: '0.8' }] : [],
    },
    reproduced: { stored: stories.length, identical: stories.length, different: [] },
    totals: { before: totalsOf(pairs.map((pair) => pair.before)), after: totalsOf(pairs.map((pair) => pair.after)) },
    labelled: { kept, lost },
    incidents: pairs,
    truncated: false,
  };
}
