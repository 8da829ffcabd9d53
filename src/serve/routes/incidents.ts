import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Incident } from '../../domain/incident.ts';
import { type Actor, createActions } from '../actions.ts';
import type { App } from '../app.ts';
import { fromOf } from '../auth/auth.ts';
import type { ApiDeps } from '../deps.ts';
import { given, idParam, list, problems } from '../schemas/common.ts';
import {
  acknowledgeBody,
  assignBody,
  closeBody,
  commentBody,
  incident,
  incidentPage,
  incidentQuery,
  mergeBody,
  snoozeBody,
  splitBody,
  splitResult,
  verdict,
  verdictBody,
  verdictQuery,
} from '../schemas/incident.ts';
import { summaryOf } from '../views.ts';

const params = z.strictObject({ id: idParam });
const tags = ['incidents'];

export function incidentRoutes(app: App, deps: ApiDeps): void {
  const { control } = deps;

  const actions = createActions(deps);
  const find = (id: string): Promise<Incident> => actions.find(id);

  app.get(
    '/api/v1/incidents',
    {
      schema: {
        tags,
        summary: 'Incidents, newest first',
        querystring: incidentQuery,
        response: { 200: incidentPage, ...problems },
      },
    },
    async (request) => {
      const page = await control.incidents(given(request.query));
      return { items: page.items.map(summaryOf), next: page.next };
    },
  );

  app.get(
    '/api/v1/incidents/:id',
    {
      schema: {
        tags,
        summary: 'One incident with causes, evidence and timeline; a merged one leads to that which it is part of',
        params,
        response: { 200: incident, 307: z.null(), ...problems },
      },
    },
    async (request, reply) => {
      const found = await find(request.params.id);
      if (found.id === request.params.id) return found;
      return reply.redirect(`/api/v1/incidents/${found.id}`, 307);
    },
  );

  const who = (request: FastifyRequest, by: string | undefined): Actor => ({
    by: request.actor || (by ?? 'anonymous'),
    from: fromOf(request),
  });

  app.post(
    '/api/v1/incidents/:id/acknowledge',
    {
      schema: {
        tags,
        summary: 'Say that somebody works on it; doing so again changes nothing',
        params,
        body: acknowledgeBody,
        response: { 200: incident, ...problems },
      },
    },
    async (request) => actions.acknowledge(request.params.id, who(request, request.body?.by)),
  );

  app.post(
    '/api/v1/incidents/:id/assign',
    {
      schema: {
        tags,
        summary: 'Say who works on it',
        params,
        body: assignBody,
        response: { 200: incident, ...problems },
      },
    },
    async (request) => actions.assign(request.params.id, request.body.to, who(request, request.body.by)),
  );

  app.post(
    '/api/v1/incidents/:id/snooze',
    {
      schema: {
        tags,
        summary: 'Tell nobody of it until then, but of its end; if it is still open then, it is told again',
        params,
        body: snoozeBody,
        response: { 200: incident, ...problems },
      },
    },
    async (request) => actions.snooze(request.params.id, request.body.until, who(request, request.body.by)),
  );

  app.post(
    '/api/v1/incidents/:id/comment',
    {
      schema: {
        tags,
        summary: 'Write a line into its timeline',
        params,
        body: commentBody,
        response: { 200: incident, ...problems },
      },
    },
    async (request) => actions.comment(request.params.id, request.body.text, who(request, request.body.by)),
  );

  for (const [verb, summary] of [
    ['close', 'Close it; it stays closed until the trouble ends and comes back'],
    ['reopen', 'Open it again; it stays open until somebody closes it'],
  ] as const)
    app.post(
      `/api/v1/incidents/:id/${verb}`,
      { schema: { tags, summary, params, body: closeBody, response: { 200: incident, ...problems } } },
      async (request) => actions[verb](request.params.id, request.body?.comment ?? '', who(request, request.body?.by)),
    );

  app.post(
    '/api/v1/incidents/:id/merge',
    {
      schema: {
        tags,
        summary: 'Make one incident of several: the oldest stays, the others become other names of it',
        params,
        body: mergeBody,
        response: { 200: incident, ...problems },
      },
    },
    async (request) => actions.merge(request.params.id, request.body.with, who(request, request.body.by)),
  );

  app.post(
    '/api/v1/incidents/:id/split',
    {
      schema: {
        tags,
        summary: 'Move services or series of it to an incident of their own',
        params,
        body: splitBody,
        response: { 200: splitResult, ...problems },
      },
    },
    async (request) => {
      const { services, series, by } = request.body;
      return actions.split(request.params.id, services, series, who(request, by));
    },
  );

  app.post(
    '/api/v1/incidents/:id/verdict',
    {
      schema: {
        tags,
        summary: 'Say what it really was; the last verdict counts, all are kept',
        params,
        body: verdictBody,
        response: { 200: incident, ...problems },
      },
    },
    async (request) => {
      const { kind, comment, by } = request.body;
      return actions.verdict(request.params.id, kind, comment, who(request, by));
    },
  );

  const verdicts = z.object({ items: list(verdict) });

  app.get(
    '/api/v1/incidents/:id/verdicts',
    { schema: { tags, summary: 'All verdicts on one incident', params, response: { 200: verdicts, ...problems } } },
    async (request) => {
      const { id } = await find(request.params.id);
      return { items: await control.verdicts({ subjectId: id }) };
    },
  );

  app.get(
    '/api/v1/verdicts',
    { schema: { tags, summary: 'Verdicts', querystring: verdictQuery, response: { 200: verdicts, ...problems } } },
    async (request) => {
      const { subject, ...times } = request.query;
      return { items: await control.verdicts(given({ ...times, subjectId: subject })) };
    },
  );
}
