import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Alerting, AlertView } from '../../domain/alerting/alerting.ts';
import { anchored, compileMatchers, parseMatchers } from '../../domain/alerting/matcher.ts';
import { type Silence, silenceStatus } from '../../domain/alerting/suppression.ts';
import { ERRORS, TocsinError } from '../../domain/error.ts';
import type { App } from '../app.ts';
import { fromOf } from '../auth/auth.ts';
import type { ApiDeps } from '../deps.ts';
import { textOf, timeBody } from '../schemas/alerting.ts';
import { idParam } from '../schemas/common.ts';

/** Until when an open incident counts as firing for clients that read `endsAt`. */
const HOLD = 300_000;

const several = z.union([z.string(), z.array(z.string())]).optional();
const flag = z.enum(['true', 'false']).default('true');
const alertQuery = z.object({
  active: flag,
  silenced: flag,
  inhibited: flag,
  muted: flag,
  unprocessed: flag,
  filter: several,
  receiver: z.string().max(512).optional(),
});
const silenceBody = z.object({
  id: z.string().max(128).nullish(),
  matchers: z
    .array(z.object({ name: z.string(), value: z.string(), isRegex: z.boolean(), isEqual: z.boolean().default(true) }))
    .min(1)
    .max(50),
  startsAt: timeBody,
  endsAt: timeBody,
  createdBy: z.string().max(200),
  comment: z.string().max(2_000),
});
const params = z.object({ id: idParam });

const iso = (at: number): string => new Date(at).toISOString();

/**
 * Alertmanager's API v2 as a server (status, receivers, alerts, groups, silences), so that amtool, Grafana and Karma work
 * against Tocsin. Open incidents are the alerts; nobody can post alerts here. Errors are JSON strings, as there.
 */
export function alertmanagerRoutes(app: App, deps: ApiDeps): void {
  if (deps.alerting === undefined) return;
  const alerting: Alerting = deps.alerting;
  void app.register(async (plain) => {
    const scope = plain as unknown as App;
    scope.setErrorHandler((error, _request, reply) => {
      const code =
        error instanceof TocsinError ? ERRORS[error.code].http : ((error as { statusCode?: number }).statusCode ?? 500);
      return reply.code(code === 401 ? 401 : code).send(code >= 500 ? 'internal error' : (error as Error).message);
    });
    statusRoutes(scope, deps, alerting);
    alertRoutes(scope, alerting);
    silenceRoutes(scope, deps, alerting);
  });
}

function statusRoutes(scope: App, deps: ApiDeps, alerting: Alerting): void {
  scope.get('/api/v2/status', { schema: { hide: true } }, async () => ({
    cluster: { name: 'tocsin', status: 'disabled', peers: [] },
    versionInfo: {
      version: deps.version,
      revision: '',
      branch: '',
      buildUser: '',
      buildDate: '',
      goVersion: `node ${process.version}`,
    },
    config: { original: alerting.configYaml() },
    uptime: iso(alerting.startedAt),
  }));
  scope.get('/api/v2/receivers', { schema: { hide: true } }, async () =>
    alerting.receivers().map((name) => ({ name })),
  );
}

type Query = z.output<typeof alertQuery>;

function wanted(query: Query): (view: AlertView) => boolean {
  const matches = filterOf(query.filter);
  const receiver = query.receiver === undefined ? null : anchored(query.receiver);
  return (view) => {
    if (!matches(view.labels)) return false;
    if (receiver !== null && !view.routes.some((route) => receiver.test(route.receiver))) return false;
    const silenced = view.silencedBy.length > 0;
    const inhibited = view.inhibitedBy.length > 0;
    const muted = view.mutedBy.length > 0;
    if (query.silenced === 'false' && silenced) return false;
    if (query.inhibited === 'false' && inhibited) return false;
    if (query.muted === 'false' && muted) return false;
    return query.active === 'true' || silenced || inhibited || muted;
  };
}

function filterOf(filter: string | string[] | undefined): ReturnType<typeof compileMatchers> {
  const lines = filter === undefined ? [] : typeof filter === 'string' ? [filter] : filter;
  return compileMatchers(lines.flatMap((line) => parseMatchers(line)));
}

function alertOf(view: AlertView): Record<string, unknown> & { readonly fingerprint: string } {
  const { incident } = view;
  const suppressed = view.silencedBy.length + view.inhibitedBy.length + view.mutedBy.length > 0;
  return {
    labels: view.labels,
    annotations: view.annotations,
    startsAt: iso(incident.openedAt),
    endsAt: iso(incident.updatedAt + HOLD),
    updatedAt: iso(incident.updatedAt),
    generatorURL: view.url,
    fingerprint: incident.id,
    receivers: [...new Set(view.routes.map((route) => route.receiver))].map((name) => ({ name })),
    status: {
      state: suppressed ? 'suppressed' : 'active',
      silencedBy: view.silencedBy,
      inhibitedBy: view.inhibitedBy,
      mutedBy: view.mutedBy,
    },
  };
}

function alertRoutes(scope: App, alerting: Alerting): void {
  scope.get('/api/v2/alerts', { schema: { hide: true, querystring: alertQuery } }, async (request) =>
    alerting
      .alerts()
      .filter(wanted(request.query))
      .map(alertOf)
      .toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1)),
  );

  scope.get('/api/v2/alerts/groups', { schema: { hide: true, querystring: alertQuery } }, async (request) => {
    const receiver = request.query.receiver === undefined ? null : anchored(request.query.receiver);
    const groups = new Map<
      string,
      { labels: Readonly<Record<string, string>>; receiver: { name: string }; alerts: unknown[] }
    >();
    for (const view of alerting.alerts().filter(wanted(request.query))) {
      for (const route of view.routes) {
        if (receiver !== null && !receiver.test(route.receiver)) continue;
        const key = JSON.stringify([
          route.receiver,
          Object.entries(route.groupLabels).sort(([a], [b]) => (a < b ? -1 : 1)),
        ]);
        const group = groups.get(key) ?? { labels: route.groupLabels, receiver: { name: route.receiver }, alerts: [] };
        group.alerts.push(alertOf(view));
        groups.set(key, group);
      }
    }
    return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  });
}

const RANK = { active: 0, pending: 1, expired: 2 } as const;

function silenceRoutes(scope: App, deps: ApiDeps, alerting: Alerting): void {
  const { clock, control } = deps;
  const viewOf = (silence: Silence) => ({
    id: silence.id,
    status: { state: silenceStatus(silence, clock.now()) },
    updatedAt: iso(silence.updatedAt),
    comment: silence.comment,
    createdBy: silence.createdBy,
    startsAt: iso(silence.startsAt),
    endsAt: iso(silence.endsAt),
    matchers: silence.matchers,
  });
  const find = (id: string): Silence => {
    const found = alerting.silences().find((silence) => silence.id === id);
    if (found === undefined) throw new TocsinError('not_found', `silence ${id} not found`);
    return found;
  };

  scope.get(
    '/api/v2/silences',
    { schema: { hide: true, querystring: z.object({ filter: several }) } },
    async (request) => {
      const matches = filterOf(request.query.filter);
      return alerting
        .silences()
        .filter((silence) => matches(Object.fromEntries(silence.matchers.map((m) => [m.name, m.value]))))
        .map(viewOf)
        .toSorted((a, b) => RANK[a.status.state] - RANK[b.status.state] || (a.endsAt < b.endsAt ? -1 : 1));
    },
  );

  scope.get('/api/v2/silence/:id', { schema: { hide: true, params } }, async (request) =>
    viewOf(find(request.params.id)),
  );

  scope.post('/api/v2/silences', { schema: { hide: true, body: silenceBody } }, async (request) => {
    const { id, ...rest } = request.body;
    const createdBy = request.actor || rest.createdBy || 'anonymous';
    const silence = await alerting.putSilence({ ...rest, createdBy, ...(id ? { id } : {}) });
    await audit(fromOf(request), createdBy, id ? 'silence.change' : 'silence.create', silence);
    return { silenceID: silence.id };
  });

  scope.delete(
    '/api/v2/silence/:id',
    { schema: { hide: true, params } },
    async (request, reply): Promise<FastifyReply> => {
      find(request.params.id);
      const silence = await alerting.expireSilence(request.params.id);
      await audit(fromOf(request), request.actor || 'anonymous', 'silence.expire', silence);
      return reply.code(200).send();
    },
  );

  function audit(from: string, by: string, action: string, silence: Silence): Promise<void> {
    const detail = { matchers: textOf(silence.matchers), endsAt: silence.endsAt, comment: silence.comment };
    return control.audit({ id: randomUUID(), at: clock.now(), by, from, action, subject: silence.id, detail });
  }
}
