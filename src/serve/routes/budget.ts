import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { budget } from '../schemas/alerting.ts';
import { problems } from '../schemas/common.ts';

export function budgetRoutes(app: App, deps: ApiDeps): void {
  const { budget: read } = deps;
  if (read === undefined) return;
  app.get(
    '/api/v1/budget',
    {
      schema: {
        tags: ['suppression'],
        summary:
          'Pages that each team used in the last seven days, at which pace, and what is held back for the digest',
        response: { 200: budget, ...problems },
      },
    },
    async () => read(),
  );
}
