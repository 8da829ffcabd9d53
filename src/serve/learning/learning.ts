import { z } from 'zod';
import { TocsinError } from '../../domain/error.ts';
import { DAY } from '../../domain/units.ts';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { problems, timeParam } from '../schemas/common.ts';
import { driftReport, noiseReport } from './schema.ts';

const DEFAULT_SPAN = 28 * DAY;

/** How Tocsin itself is doing: are its p-values still right, were its pages worth it. */
export function learningRoutes(app: App, deps: ApiDeps): void {
  const { drift, noise, clock } = deps;
  if (drift !== undefined)
    app.get(
      '/api/v1/drift',
      {
        schema: {
          tags: ['models'],
          summary: 'Classes of series whose p-values drift, or are not what p-values should be',
          response: { 200: driftReport, ...problems },
        },
      },
      async () => drift(),
    );
  if (noise !== undefined)
    app.get(
      '/api/v1/noise',
      {
        schema: {
          tags: ['models'],
          summary: 'What pages were worth, by service, team and detector; the last four weeks if nothing is said',
          querystring: z.strictObject({ from: timeParam.optional(), to: timeParam.optional() }),
          response: { 200: noiseReport, ...problems },
        },
      },
      async (request) => {
        const to = request.query.to ?? clock.now();
        const from = request.query.from ?? to - DEFAULT_SPAN;
        if (from >= to) throw new TocsinError('invalid_request', 'from must be before to');
        return noise(from, to);
      },
    );
}
