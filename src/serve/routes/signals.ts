import { z } from 'zod';
import { TocsinError } from '../../domain/error.ts';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { given, list, problems } from '../schemas/common.ts';
import { deploy } from '../schemas/incident.ts';
import { deployQuery, template, templateQuery, trace } from '../schemas/series.ts';

const params = z.strictObject({ id: z.string().regex(/^[0-9a-fA-F]{16,32}$/, 'not a trace id') });

export function signalRoutes(app: App, { control }: ApiDeps): void {
  app.get(
    '/api/v1/traces/:id',
    { schema: { tags: ['traces'], summary: 'One kept example trace', params, response: { 200: trace, ...problems } } },
    async (request) => {
      const traceId = request.params.id.toLowerCase();
      const spans = await control.trace(traceId);
      if (spans.length === 0)
        throw new TocsinError('not_found', `trace ${traceId} was not kept: only examples of incidents are`);
      return { traceId, spans };
    },
  );

  app.get(
    '/api/v1/templates',
    {
      schema: {
        tags: ['logs'],
        summary: 'Log templates by when they were first seen',
        querystring: templateQuery,
        response: { 200: z.object({ items: list(template) }), ...problems },
      },
    },
    async (request) => ({ items: await control.templates(given(request.query)) }),
  );

  app.get(
    '/api/v1/deploys',
    {
      schema: {
        tags: ['services'],
        summary: 'Changes of service.version seen in the data',
        querystring: deployQuery,
        response: { 200: z.object({ items: list(deploy) }), ...problems },
      },
    },
    async (request) => ({ items: await control.deploys(given(request.query)) }),
  );
}
