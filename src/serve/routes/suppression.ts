import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Alerting } from '../../domain/alerting/alerting.ts';
import type { MaintenanceWindow, Silence } from '../../domain/alerting/suppression.ts';
import { silenceStatus } from '../../domain/alerting/suppression.ts';
import { DAY } from '../../domain/units.ts';
import type { App } from '../app.ts';
import { fromOf } from '../auth/auth.ts';
import type { ApiDeps } from '../deps.ts';
import {
  calendarBody,
  maintenanceBody,
  maintenancePreview,
  maintenanceView,
  matchersBody,
  previewResult,
  silenceBody,
  silenceView,
  textOf,
} from '../schemas/alerting.ts';
import { idParam, list, problems } from '../schemas/common.ts';

const tags = ['suppression'];
const params = z.strictObject({ id: idParam });
const AHEAD = 30 * DAY;
const BACK = 30 * DAY;
const CALENDAR_LIMIT = 4 * 1024 * 1024;

/** Silences and maintenance: list, create, change, end, and see first what they would have held back. */
export function suppressionRoutes(app: App, deps: ApiDeps): void {
  const { clock, control } = deps;
  if (deps.alerting === undefined) return;
  const alerting: Alerting = deps.alerting;

  const actorOf = (request: FastifyRequest, given: string | undefined): string =>
    request.actor || (given ?? 'anonymous');
  const audit = (
    request: FastifyRequest,
    by: string,
    action: string,
    subject: string,
    detail: unknown,
  ): Promise<void> =>
    control.audit({ id: randomUUID(), at: clock.now(), by, from: fromOf(request), action, subject, detail });

  const silenceOf = (silence: Silence) => ({
    ...silence,
    status: silenceStatus(silence, clock.now()),
    text: textOf(silence.matchers),
  });
  const windowOf = (window: MaintenanceWindow) => {
    const now = clock.now();
    const next = alerting.spansOf(window, now, now + AHEAD);
    return {
      ...window,
      text: textOf(window.matchers),
      active: next.some((span) => span.startsAt <= now),
      next,
      recurrences: window.recurrences ?? [],
      comment: window.comment ?? '',
      updatedAt: window.updatedAt ?? 0,
    };
  };

  app.get(
    '/api/v1/silences',
    {
      schema: {
        tags,
        summary: 'Silences, those that end last first',
        querystring: z.strictObject({ status: z.enum(['pending', 'active', 'expired']).optional() }),
        response: { 200: z.object({ items: list(silenceView) }), ...problems },
      },
    },
    async (request) => {
      const items = alerting
        .silences()
        .map(silenceOf)
        .toSorted((a, b) => b.endsAt - a.endsAt || (a.id < b.id ? -1 : 1));
      return { items: items.filter((item) => (request.query.status ?? item.status) === item.status) };
    },
  );

  app.post(
    '/api/v1/silences',
    {
      schema: {
        tags,
        summary: 'Create a silence, or change the one with this id',
        body: silenceBody,
        response: { 200: silenceView, ...problems },
      },
    },
    async (request) => {
      const { id, startsAt, createdBy, ...rest } = request.body;
      const by = actorOf(request, createdBy);
      const silence = await alerting.putSilence({
        ...rest,
        startsAt: startsAt ?? clock.now(),
        createdBy: by,
        ...(id === undefined ? {} : { id }),
      });
      await audit(request, by, id === undefined ? 'silence.create' : 'silence.change', silence.id, {
        matchers: textOf(silence.matchers),
        endsAt: silence.endsAt,
        comment: silence.comment,
      });
      return silenceOf(silence);
    },
  );

  app.delete(
    '/api/v1/silences/:id',
    {
      schema: {
        tags,
        summary: 'End a silence now; the record of it stays',
        params,
        response: { 200: silenceView, ...problems },
      },
    },
    async (request) => {
      const silence = await alerting.expireSilence(request.params.id);
      await audit(request, actorOf(request, undefined), 'silence.expire', silence.id, {
        matchers: textOf(silence.matchers),
      });
      return silenceOf(silence);
    },
  );

  app.post(
    '/api/v1/silences/preview',
    {
      schema: {
        tags,
        summary: 'What these matchers would have held back over the last 30 days',
        body: z.strictObject({ matchers: matchersBody }),
        response: { 200: previewResult, ...problems },
      },
    },
    async (request) => alerting.preview(request.body.matchers, null, clock.now() - BACK, clock.now()),
  );

  app.get(
    '/api/v1/maintenance',
    {
      schema: {
        tags,
        summary: 'Maintenance windows with their occurrences of the next 30 days',
        response: { 200: z.object({ items: list(maintenanceView) }), ...problems },
      },
    },
    async () => ({
      items: alerting
        .maintenance()
        .map(windowOf)
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    }),
  );

  app.post(
    '/api/v1/maintenance',
    {
      schema: {
        tags,
        summary: 'Create a maintenance window, or replace the one with this id',
        body: maintenanceBody,
        response: { 200: maintenanceView, ...problems },
      },
    },
    async (request) => {
      const { id, createdBy, ...rest } = request.body;
      const by = actorOf(request, createdBy);
      const window = await alerting.putMaintenance({ ...rest, createdBy: by, ...(id === undefined ? {} : { id }) });
      await audit(request, by, id === undefined ? 'maintenance.create' : 'maintenance.change', window.id, {
        name: window.name,
      });
      return windowOf(window);
    },
  );

  app.delete(
    '/api/v1/maintenance/:id',
    {
      schema: {
        tags,
        summary: 'Remove a maintenance window',
        params,
        response: { 200: z.object({ id: z.string() }), ...problems },
      },
    },
    async (request) => {
      const window = await alerting.deleteMaintenance(request.params.id);
      await audit(request, actorOf(request, undefined), 'maintenance.delete', window.id, { name: window.name });
      return { id: window.id };
    },
  );

  app.post(
    '/api/v1/maintenance/preview',
    {
      schema: {
        tags,
        summary: 'What this window would have held back over the last 30 days, and when it comes next',
        body: maintenanceBody,
        response: { 200: maintenancePreview, ...problems },
      },
    },
    async (request) => {
      const now = clock.now();
      const { id: _, createdBy, ...rest } = request.body;
      const window = { ...rest, createdBy: createdBy ?? '' };
      const spans = alerting.spansOf(window, now - BACK, now);
      const held = await alerting.preview(rest.matchers, spans, now - BACK, now);
      return { ...held, next: alerting.spansOf(window, now, now + AHEAD) };
    },
  );

  app.post(
    '/api/v1/maintenance/import',
    {
      bodyLimit: CALENDAR_LIMIT,
      schema: {
        tags,
        summary: 'Import a calendar: one window an event, with all its occurrences; importing again replaces',
        body: calendarBody,
        response: { 200: z.object({ items: list(maintenanceView) }), ...problems },
      },
    },
    async (request) => {
      const { calendar, matchers, zone, createdBy, dryRun } = request.body;
      const by = actorOf(request, createdBy);
      const windows = await alerting.importCalendar(calendar, { matchers, zone, createdBy: by, dryRun });
      if (dryRun) return { items: windows.map(windowOf) };
      await audit(request, by, 'maintenance.import', 'calendar', { windows: windows.length });
      return { items: windows.map(windowOf) };
    },
  );
}
