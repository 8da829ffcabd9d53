import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './problem.ts';

/**
 * Serves the built page: hashed files under /assets for ever, `index.html` for every other path, because the page keeps
 * its state in the URL. A relative <base> makes it work below any path of a reverse proxy without being told of it.
 */
export async function registerPage(
  app: FastifyInstance,
  uiRoot: string | null,
  methodsOf: (path: string) => readonly string[],
): Promise<void> {
  if (uiRoot !== null) {
    await app.register(fastifyStatic, {
      root: join(uiRoot, 'assets'),
      prefix: '/assets/',
      cacheControl: false,
      setHeaders: (response, path) => {
        // Only names with a content hash may be kept for ever.
        const hashed = /-[\w-]{8}\.\w+$/.test(path);
        response.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  }
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = methodsOf(path);
    if (methods.length > 0) {
      const allowed = methods.join(', ');
      void reply.header('allow', allowed);
      return sendProblem(reply, 'method_not_allowed', `${path} takes ${allowed}, not ${request.method}`);
    }
    const page =
      uiRoot !== null &&
      (request.method === 'GET' || request.method === 'HEAD') &&
      !/^\/(api|-|assets|metrics)(\/|$)/.test(path);
    if (!page) return sendProblem(reply, 'not_found', `nothing is served at ${request.method} ${path}`);
    return sendPage(request, reply, uiRoot, path);
  });
}

async function sendPage(
  _request: FastifyRequest,
  reply: FastifyReply,
  uiRoot: string,
  path: string,
): Promise<FastifyReply> {
  const html = await readFile(join(uiRoot, 'index.html'), 'utf8');
  const depth = path.split('/').length - 2;
  const base = depth === 0 ? './' : '../'.repeat(depth);
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-cache')
    .send(html.replace('<head>', `<head><base href="${base}">`));
}
