import { z } from 'zod';
import type { Incident } from '../../domain/incident.ts';
import { createActions } from '../actions.ts';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { given, idParam, list, problems } from '../schemas/common.ts';
import {
  acknowledgeBody,
  incident,
  incidentPage,
  incidentQuery,
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
        summary: 'One incident with causes, evidence and timeline',
        params,
        response: { 200: incident, ...problems },
      },
    },
    async (request) => find(request.params.id),
  );

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
    async (request) => {
      const by = request.actor || (request.body?.by ?? 'anonymous');
      return actions.acknowledge(request.params.id, by, request.ip);
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
      return actions.verdict(request.params.id, kind, comment, request.actor || (by ?? 'anonymous'), request.ip);
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
