import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { App } from '../app.ts';
import { fromOf } from '../auth/auth.ts';
import type { ApiDeps } from '../deps.ts';
import { DEFAULT_INFO } from '../deps.ts';
import { problems } from '../schemas/common.ts';
import { reloadResult, status } from '../schemas/system.ts';
import { receiversOf } from '../views.ts';

const tags = ['system'];
const OUTBOX_COUNTED = 500;

export function systemRoutes(app: App, deps: ApiDeps): void {
  const { control, history, live, clock } = deps;

  app.get(
    '/api/v1/status',
    { schema: { tags, summary: 'Rates, counters, versions, receivers', response: { 200: status, ...problems } } },
    async () => {
      const [historyBytes, outbox] = await Promise.all([history.bytes(), control.outbox({ limit: OUTBOX_COUNTED })]);
      const { configHash, configPath, ...endpoints } = deps.info?.() ?? DEFAULT_INFO;
      return {
        version: deps.version,
        node: process.version,
        ready: deps.ready(),
        now: clock.now(),
        watermark: live.watermark(),
        configHash,
        configPath,
        endpoints,
        historyBytes,
        stats: live.stats(),
        receivers: receiversOf(outbox),
      };
    },
  );

  const text = z.string();

  app.get(
    '/-/healthy',
    { schema: { tags, summary: 'The process lives', response: { 200: text } } },
    async (_request, reply) => reply.type('text/plain; charset=utf-8').serializer(String).send('Tocsin is healthy.\n'),
  );

  app.get(
    '/-/ready',
    { schema: { tags, summary: 'It takes data and answers', response: { 200: text, 503: text } } },
    async (_request, reply) => {
      const ready = deps.ready();
      return reply
        .code(ready ? 200 : 503)
        .type('text/plain; charset=utf-8')
        .serializer(String)
        .send(ready ? 'Tocsin is ready.\n' : 'Tocsin is starting or stopping.\n');
    },
  );

  app.post(
    '/-/reload',
    {
      schema: {
        tags,
        summary: 'Read the configuration again, all or nothing',
        response: { 200: reloadResult, ...problems, 400: reloadResult },
      },
    },
    async (request, reply) => {
      const { ok, errors } = await deps.reload();
      const by = request.actor || 'anonymous';
      await control.audit({
        id: randomUUID(),
        at: clock.now(),
        by,
        from: fromOf(request),
        action: 'config.reload',
        subject: 'config',
        detail: { ok, errors },
      });
      return reply.code(ok ? 200 : 400).send({ ok, errors });
    },
  );

  app.get(
    '/metrics',
    { schema: { tags, summary: 'Our own metrics for Prometheus', response: { 200: text } } },
    async (_request, reply) =>
      reply
        .type('text/plain; version=0.0.4; charset=utf-8')
        .serializer(String)
        .send(await deps.metrics()),
  );
}
