import { z } from 'zod';
import { TocsinError } from '../../domain/error.ts';
import { DAY } from '../../domain/units.ts';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { nameParam, problems } from '../schemas/common.ts';
import { graph, serviceDetail, serviceList } from '../schemas/system.ts';
import { summaryOf } from '../views.ts';

const tags = ['services'];
const RECENT = 7 * DAY;

export function serviceRoutes(app: App, { live, control, history }: ApiDeps): void {
  app.get(
    '/api/v1/services',
    { schema: { tags, summary: 'Health of every service now', response: { 200: serviceList, ...problems } } },
    async () => ({ watermark: live.watermark(), items: live.health() }),
  );

  app.get(
    '/api/v1/graph',
    { schema: { tags, summary: 'Services and the calls between them', response: { 200: graph, ...problems } } },
    async () => ({ watermark: live.watermark(), services: live.health(), edges: live.graph() }),
  );

  app.get(
    '/api/v1/services/:name',
    {
      schema: {
        tags,
        summary: 'One service: its series, callers and callees, incidents and deploys of the last week',
        params: z.strictObject({ name: nameParam }),
        response: { 200: serviceDetail, ...problems },
      },
    },
    async (request) => {
      const { name } = request.params;
      const health = live.health().find(({ service }) => service === name);
      if (health === undefined) throw new TocsinError('not_found', `there is no service ${name}`);
      const from = live.watermark() - RECENT;
      const edges = live.graph();
      const [series, incidents, deploys] = await Promise.all([
        history.searchSeries({ service: name, limit: 200 }),
        control.incidents({ service: name, limit: 20 }),
        control.deploys({ service: name, from }),
      ]);
      return {
        health,
        series,
        callers: edges.filter(({ callee }) => callee === name),
        callees: edges.filter(({ caller }) => caller === name),
        incidents: incidents.items.map(summaryOf),
        deploys,
      };
    },
  );
}
