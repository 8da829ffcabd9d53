import { z } from 'zod';
import { TocsinError } from '../../domain/error.ts';
import { SECOND } from '../../domain/units.ts';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { given, idParam, problems } from '../schemas/common.ts';
import { rangeQuery, seriesList, seriesQuery, seriesRange, seriesSummary } from '../schemas/series.ts';

const tags = ['series'];
const params = z.strictObject({ id: idParam });
/** Steps drawn when the caller asks for none. */
const WANTED_STEPS = 400;

export function seriesRoutes(app: App, { history }: ApiDeps): void {
  const find = async (id: string) => {
    const series = await history.series(id);
    if (series === null) throw new TocsinError('not_found', `there is no series ${id}`);
    return series;
  };

  app.get(
    '/api/v1/series',
    {
      schema: {
        tags,
        summary: 'Find series by text, service or metric',
        querystring: seriesQuery,
        response: { 200: seriesList, ...problems },
      },
    },
    async (request) => ({ items: await history.searchSeries(given(request.query)) }),
  );

  app.get(
    '/api/v1/series/:id',
    { schema: { tags, summary: 'One series', params, response: { 200: seriesSummary, ...problems } } },
    async (request) => find(request.params.id),
  );

  app.get(
    '/api/v1/series/:id/range',
    {
      schema: {
        tags,
        summary: 'Values, expected band and strangeness of one series over time, as columns',
        params,
        querystring: rangeQuery,
        response: { 200: seriesRange, ...problems },
      },
    },
    async (request) => {
      const { from, to } = request.query;
      const step = request.query.step ?? Math.max(10 * SECOND, Math.ceil((to - from) / WANTED_STEPS / SECOND) * SECOND);
      const series = await find(request.params.id);
      const points = await history.range(series.id, from, to, step);
      return {
        series,
        from,
        to,
        step,
        at: points.map((point) => point.at),
        count: points.map((point) => point.count),
        mean: points.map((point) => point.mean),
        min: points.map((point) => point.min),
        max: points.map((point) => point.max),
        last: points.map((point) => point.last),
        expected: points.map((point) => point.expected),
        lower: points.map((point) => point.lower),
        upper: points.map((point) => point.upper),
        surprise: points.map((point) => point.surprise),
      };
    },
  );
}
