import { z } from 'zod';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { given, list, problems } from '../schemas/common.ts';
import { auditEntry, auditQuery, decision, decisionQuery, outboxItem, outboxQuery } from '../schemas/system.ts';
import { outboxView } from '../views.ts';

const tags = ['records'];

/** What Tocsin wrote down about its own doings. */
export function recordRoutes(app: App, { control }: ApiDeps): void {
  app.get(
    '/api/v1/decisions',
    {
      schema: {
        tags,
        summary: 'Why something passed a stage or was stopped by it',
        querystring: decisionQuery,
        response: { 200: z.object({ items: list(decision) }), ...problems },
      },
    },
    async (request) => ({ items: await control.decisions(given(request.query)) }),
  );

  app.get(
    '/api/v1/audit',
    {
      schema: {
        tags,
        summary: 'Who changed what, and from where',
        querystring: auditQuery,
        response: { 200: z.object({ items: list(auditEntry) }), ...problems },
      },
    },
    async (request) => ({ items: await control.auditLog(given(request.query)) }),
  );

  app.get(
    '/api/v1/outbox',
    {
      schema: {
        tags,
        summary: 'Notifications waiting for, or done with, their receivers',
        querystring: outboxQuery,
        response: { 200: z.object({ items: list(outboxItem) }), ...problems },
      },
    },
    async (request) => ({ items: (await control.outbox(given(request.query))).map(outboxView) }),
  );
}
