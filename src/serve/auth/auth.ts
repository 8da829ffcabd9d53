import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { TocsinError } from '../../domain/error.ts';

/** Where Slack sends the presses of buttons. */
export const SLACK_PATH = '/api/v1/slack/interactions';

export interface AuthOptions {
  /** Bearer tokens; the name is what the audit log shows. */
  readonly tokens: readonly { readonly name: string; readonly token: string }[];
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Name of the token that the request carried, empty without one. */
    actor: string;
  }
}

/** Where a request came from, for the audit log: through what, and the address. */
export function fromOf(request: FastifyRequest): string {
  const header = request.headers['x-tocsin-request'];
  const page = header === 'page' || request.headers['sec-fetch-site'] !== undefined;
  return `${page ? 'page' : header === 'cli' ? 'cli' : 'api'} ${request.ip}`;
}

/** Paths that load balancers and first page loads reach without a token. */
const OPEN_PATHS = /^\/(?!api\/|metrics$|-\/reload$)/;

/**
 * Guards the API: who may call (bearer token, if any are configured) and whether a change was meant (no cross-site
 * request can make one). A change passes with a bearer token, with the header `X-Tocsin-Request`, which another site's
 * page cannot set without CORS, or from a page of this very origin.
 */
export function registerAuth(app: FastifyInstance, auth: AuthOptions | undefined): void {
  const tokens = (auth?.tokens ?? []).map(({ name, token }) => ({ name, digest: digestOf(token) }));
  app.decorateRequest('actor', '');
  app.addHook('onRequest', async (request) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    request.actor = actorOf(request, tokens);
    // Slack cannot carry a token: that route checks its signature.
    if (path === SLACK_PATH) return;
    if (tokens.length > 0 && request.actor === '' && !OPEN_PATHS.test(path)) {
      throw new TocsinError(
        'unauthenticated',
        'send "Authorization: Bearer <token>" with a token of the configuration',
      );
    }
    const changes = request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS';
    if (changes && request.actor === '' && !meant(request, path)) {
      throw new TocsinError(
        'unauthenticated',
        'a change needs a bearer token, the header "X-Tocsin-Request: 1" or a request from this origin',
      );
    }
  });
}

function actorOf(request: FastifyRequest, tokens: readonly { name: string; digest: Buffer }[]): string {
  const header = request.headers.authorization;
  if (header === undefined || !/^bearer /i.test(header)) return '';
  const digest = digestOf(header.slice('bearer '.length).trim());
  let actor = '';
  // No early exit: the time taken says nothing about which token was nearly right.
  for (const token of tokens) if (timingSafeEqual(token.digest, digest)) actor = token.name;
  return actor;
}

function meant(request: FastifyRequest, path: string): boolean {
  if (request.headers['x-tocsin-request'] !== undefined) return true;
  const { origin, host } = request.headers;
  if (origin !== undefined) return hostOf(origin) === host;
  // Browsers always send one of these on a cross-site POST: without both it is curl, amtool or a config reloader.
  const tool = path === '/-/reload' || path.startsWith('/api/v2/');
  return tool && request.headers['sec-fetch-site'] === undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
