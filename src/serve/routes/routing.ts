import { z } from 'zod';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { list, problems } from '../schemas/common.ts';
import { policyView, routingTest, routingTestBody, routingView } from '../schemas/routing.ts';

const tags = ['alerting'];

/** Who is told what: the configured tree, and where given labels would go. */
export function routingRoutes(app: App, { alerting }: ApiDeps): void {
  if (alerting === undefined) return;

  app.get(
    '/api/v1/routes',
    {
      schema: {
        tags,
        summary: 'The routing tree, receivers, time intervals and inhibition rules in use',
        response: { 200: routingView, ...problems },
      },
    },
    async () => alerting.routing(),
  );

  app.get(
    '/api/v1/policies',
    {
      schema: {
        tags,
        summary: 'What is said of some series and services; of each setting the first policy that matches counts',
        response: { 200: z.object({ items: list(policyView) }), ...problems },
      },
    },
    async () => ({ items: alerting.policies() }),
  );

  app.post(
    '/api/v1/routes/test',
    {
      schema: {
        tags,
        summary: 'Which routes and receivers these labels reach now; changes nothing',
        body: routingTestBody,
        response: { 200: routingTest, ...problems },
      },
    },
    async (request) => alerting.testRouting(request.body.labels, request.body.confidence),
  );
}
