import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import Fastify from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { jsonSchemaTransform, jsonSchemaTransformObject, validatorCompiler } from 'fastify-type-provider-zod';
import { alertmanagerRoutes } from './alertmanager-api/alertmanager-api.ts';
import type { App } from './app.ts';
import { registerAuth } from './auth/auth.ts';
import type { ApiDeps } from './deps.ts';
import { learningRoutes } from './learning/learning.ts';
import { rememberMethods } from './methods.ts';
import { modelRoutes } from './models/models.ts';
import { registerPage } from './page.ts';
import { registerProblems } from './problem.ts';
import { backtestRoutes } from './routes/backtests.ts';
import { budgetRoutes } from './routes/budget.ts';
import { eventRoutes } from './routes/events.ts';
import { incidentRoutes } from './routes/incidents.ts';
import { recordRoutes } from './routes/records.ts';
import { routingRoutes } from './routes/routing.ts';
import { seriesRoutes } from './routes/series.ts';
import { serviceRoutes } from './routes/services.ts';
import { signalRoutes } from './routes/signals.ts';
import { slackRoutes } from './routes/slack.ts';
import { suppressionRoutes } from './routes/suppression.ts';
import { systemRoutes } from './routes/system.ts';

const BODY_LIMIT_BYTES = 64 * 1024;

const GROUPS = [
  incidentRoutes,
  serviceRoutes,
  seriesRoutes,
  signalRoutes,
  recordRoutes,
  systemRoutes,
  eventRoutes,
  suppressionRoutes,
  routingRoutes,
  slackRoutes,
  budgetRoutes,
  backtestRoutes,
  modelRoutes,
  learningRoutes,
  alertmanagerRoutes,
];

/**
 * Builds the HTTP server of API and page; the caller listens and closes (closing ends open event streams).
 * Responses are not validated at run time, only in tests: JSON.stringify makes the domain's NaN the schemas' null.
 */
export async function createApiServer(deps: ApiDeps): Promise<App> {
  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: 256 },
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));

  registerProblems(app);
  const methodsOf = rememberMethods(app);
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        // Mantine writes its responsive rules as <style> elements.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // We speak plain HTTP; whoever ends TLS in front of us decides on these.
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'same-origin' },
  });
  registerAuth(app, deps.auth);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tocsin',
        version: deps.version,
        description:
          'Anomaly detection for metrics, logs and traces. Errors are RFC 9457 problem documents with a `code`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: deps.auth === undefined ? [] : [{ bearer: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });

  for (const register of GROUPS) register(app, deps);
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await registerPage(app, deps.uiRoot, methodsOf);
  return app;
}
