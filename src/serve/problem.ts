import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { ErrorCode } from '../domain/error.ts';
import { ERRORS, TocsinError } from '../domain/error.ts';
import type { Problem } from './schemas/common.ts';

/** Every error leaves as RFC 9457 problem JSON with a code of the closed list; unknown faults say nothing of the inside. */
export function registerProblems(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error instanceof TocsinError) {
      if (error.retryAfterMs !== undefined)
        void reply.header('retry-after', String(Math.ceil(error.retryAfterMs / 1_000)));
      return sendProblem(reply, error.code, error.message);
    }
    if (error.validation !== undefined) {
      const errors = error.validation.map((issue) => ({
        path: `${error.validationContext ?? 'request'}${issue.instancePath.replaceAll('/', '.')}`,
        message: issue.message ?? 'is not valid',
      }));
      return sendProblem(
        reply,
        'invalid_request',
        errors.map(({ path, message }) => `${path}: ${message}`).join('; '),
        errors,
      );
    }
    const code = codeOfStatus(error.statusCode ?? 500);
    if (code === 'internal') request.log.error(error);
    return sendProblem(reply, code, code === 'internal' ? ERRORS.internal.meaning : error.message);
  });
}

export function sendProblem(
  reply: FastifyReply,
  code: ErrorCode,
  detail: string,
  errors?: Problem['errors'],
): FastifyReply {
  const { http, meaning } = ERRORS[code];
  const body: Problem = {
    type: `urn:tocsin:error:${code}`,
    title: meaning,
    status: http,
    detail,
    code,
    ...(errors === undefined ? {} : { errors }),
  };
  return reply.code(http).type('application/problem+json').serializer(JSON.stringify).send(body);
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 413) return 'payload_too_large';
  if (status === 415) return 'unsupported_media_type';
  if (status === 404) return 'not_found';
  if (status === 405) return 'method_not_allowed';
  return status >= 400 && status < 500 ? 'bad_payload' : 'internal';
}
