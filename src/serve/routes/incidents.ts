import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { TocsinError } from '../../domain/error.ts';
import type { Incident } from '../../domain/incident.ts';
import type { Verdict, VerdictKind } from '../../domain/verdict.ts';
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

const VERDICT_WORDS: Readonly<Record<VerdictKind, string>> = {
  real: 'a real incident',
  'false-alarm': 'a false alarm',
  expected: 'expected',
  'new-normal': 'the new normal',
};

export function incidentRoutes(app: App, deps: ApiDeps): void {
  const { control, clock } = deps;

  const find = async (id: string): Promise<Incident> => {
    const found = await control.incident(id);
    if (found === null) throw new TocsinError('not_found', `there is no incident ${id}`);
    return found;
  };

  const tell = async (id: string, what: 'acknowledge' | 'verdict'): Promise<Incident> => {
    const after = await find(id);
    deps.changed?.(after, what);
    return after;
  };

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
      const before = await find(request.params.id);
      if (before.acknowledgedAt !== null) return before;
      const by = request.actor || (request.body?.by ?? 'anonymous');
      const at = clock.now();
      await control.saveIncident({
        ...before,
        acknowledgedBy: by,
        acknowledgedAt: at,
        timeline: [...before.timeline, { at, kind: 'acknowledged', text: `Acknowledged by ${by}` }],
      });
      await control.audit({
        id: randomUUID(),
        at,
        by,
        from: request.ip,
        action: 'incident.acknowledge',
        subject: before.id,
        detail: {},
      });
      return tell(before.id, 'acknowledge');
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
      const before = await find(request.params.id);
      const at = clock.now();
      const said: Verdict = {
        id: randomUUID(),
        subject: 'incident',
        subjectId: before.id,
        kind: request.body.kind,
        comment: request.body.comment,
        by: request.actor || (request.body.by ?? 'anonymous'),
        at,
      };
      await control.addVerdict(said);
      await control.saveIncident({
        ...before,
        verdict: said,
        timeline: [
          ...before.timeline,
          {
            at,
            kind: 'verdict',
            text: `${said.by}: ${VERDICT_WORDS[said.kind]}${said.comment === '' ? '' : `, "${said.comment}"`}`,
          },
        ],
      });
      await control.audit({
        id: randomUUID(),
        at,
        by: said.by,
        from: request.ip,
        action: 'incident.verdict',
        subject: before.id,
        detail: { verdict: said.id, kind: said.kind, comment: said.comment, before: before.verdict?.kind ?? null },
      });
      return tell(before.id, 'verdict');
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
