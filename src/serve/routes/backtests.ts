import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { BacktestJob, Backtests, ProposedChange } from '../../domain/replay/backtest.ts';
import { DAY, MINUTE } from '../../domain/units.ts';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { backtestBody, backtestJob, decisionReplay, explanation, previewBody } from '../schemas/backtest.ts';
import { idParam, list, nameParam, problems, stepParam, timeParam } from '../schemas/common.ts';

const tags = ['replays'];
const params = z.strictObject({ id: idParam });
const BACK = 30 * DAY;
/** A preview that takes longer is answered as it stands, and asked for again. */
const PREVIEW_WAIT_MS = 15_000;
const BODY_LIMIT = 1024 * 1024;

/** What is retained, run again: with another configuration, to explain, or to prove that it comes out the same. */
export function backtestRoutes(app: App, deps: ApiDeps): void {
  if (deps.backtests === undefined) return;
  const backtests: Backtests = deps.backtests;
  const { clock } = deps;
  const actorOf = (request: FastifyRequest): string => request.actor || 'anonymous';

  app.post(
    '/api/v1/backtests',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        tags,
        summary: 'Start a backtest: what would have fired with this configuration, beside what did',
        body: backtestBody,
        response: { 202: backtestJob, ...problems },
      },
    },
    async (request, reply) => {
      const { from, to, config, piece, mode } = request.body;
      const job = backtests.start(
        'backtest',
        {
          from,
          to,
          ...(mode === 'auto' ? {} : { mode }),
          ...(config === undefined ? {} : { change: { kind: 'config', text: config, replace: !piece } as const }),
        },
        actorOf(request),
      );
      return reply.code(202).send(job);
    },
  );

  app.get(
    '/api/v1/backtests',
    {
      schema: {
        tags,
        summary: 'Backtests and previews since the start of this process, newest first, without their results',
        response: { 200: z.object({ items: list(backtestJob) }), ...problems },
      },
    },
    async () => ({ items: backtests.jobs().map((job): BacktestJob => ({ ...job, result: null })) }),
  );

  app.get(
    '/api/v1/backtests/:id',
    {
      schema: {
        tags,
        summary: 'A backtest or preview: how far it is, and its result',
        params,
        response: { 200: backtestJob, ...problems },
      },
    },
    async (request) => backtests.job(request.params.id),
  );

  app.delete(
    '/api/v1/backtests/:id',
    { schema: { tags, summary: 'Cancel a backtest', params, response: { 200: backtestJob, ...problems } } },
    async (request) => backtests.cancel(request.params.id),
  );

  app.post(
    '/api/v1/preview',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        tags,
        summary:
          'What a silence, maintenance window, inhibition rule, policy or piece of configuration would have changed over the last 30 days',
        body: previewBody,
        response: { 200: backtestJob, 202: backtestJob, ...problems },
      },
    },
    async (request, reply) => {
      const to = request.body.to ?? clock.now();
      const from = request.body.from ?? to - BACK;
      const { change, mode } = changeOf(request.body);
      const started = backtests.start(
        'preview',
        { from, to, change, ...(mode === undefined ? {} : { mode }) },
        actorOf(request),
      );
      const job = await backtests.wait(started.id, PREVIEW_WAIT_MS);
      return reply.code(job.state === 'running' ? 202 : 200).send(job);
    },
  );

  app.get(
    '/api/v1/explain',
    {
      schema: {
        tags,
        summary: 'Why a service, series or incident did or did not alert: every stage, and the smallest change',
        querystring: z.strictObject({
          subject: nameParam.describe('Name of a service, or id of a series or incident.'),
          at: timeParam.optional().describe('An incident needs none.'),
          changes: z
            .stringbool()
            .default(true)
            .describe('false: without the smallest changes, whose search takes longer than the rest.'),
          window: stepParam.optional().describe('How far around the time the strangest tick is looked for; 2m.'),
          budget: stepParam
            .optional()
            .describe('CPU time for the search of changes that would have turned it; 3s. What is left out is named.'),
        }),
        response: { 200: explanation, ...problems },
      },
    },
    async (request) => {
      const { subject, at, window, changes, budget } = request.query;
      return backtests.explain(subject, at ?? Number.NaN, window ?? 2 * MINUTE, changes, budget);
    },
  );

  app.get(
    '/api/v1/decisions/:id/replay',
    {
      schema: {
        tags,
        summary: 'Make a past decision again from what is retained, and compare bit by bit',
        params,
        response: { 200: decisionReplay, ...problems },
      },
    },
    async (request) => backtests.replayDecision(request.params.id),
  );
}

function changeOf(body: z.output<typeof previewBody>): { change: ProposedChange; mode?: 'ticks' | 'input' } {
  switch (body.kind) {
    case 'silence': {
      const { matchers, startsAt, endsAt } = body;
      return {
        change: {
          kind: 'silence',
          matchers,
          ...(startsAt === undefined ? {} : { startsAt }),
          ...(endsAt === undefined ? {} : { endsAt }),
        },
      };
    }
    case 'maintenance': {
      const { matchers, spans, recurrences } = body;
      return { change: { kind: 'maintenance', matchers, spans, recurrences } };
    }
    case 'inhibition': {
      const { source_matchers, target_matchers, equal } = body;
      return { change: { kind: 'inhibition', source_matchers, target_matchers, equal } };
    }
    default: {
      const { config, mode } = body;
      return { change: { kind: 'config', text: config, replace: false }, ...(mode === undefined ? {} : { mode }) };
    }
  }
}
