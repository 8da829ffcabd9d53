import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ModelActor } from '../../domain/learning/model.ts';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { idParam, list, problems } from '../schemas/common.ts';
import { modelChange, modelRecord, trainBody, trainingJob } from './schema.ts';

const tags = ['models'];
const NAME = /^[a-z][a-z0-9-]{0,40}$/;
const nameParams = z.strictObject({ name: z.string().regex(NAME) });
const versionParams = z.strictObject({ name: z.string().regex(NAME), version: z.coerce.number().int().min(1) });

/** The registry: which versions there are, which are in use, and what trains new ones. */
export function modelRoutes(app: App, deps: ApiDeps): void {
  const desk = deps.models;
  if (desk === undefined) return;
  const actorOf = (request: FastifyRequest): ModelActor => ({ by: request.actor || 'anonymous', from: request.ip });

  app.get(
    '/api/v1/models',
    {
      schema: {
        tags,
        summary: 'All versions of all models, by name, newest first, and the training jobs',
        response: {
          200: z.object({ items: list(modelRecord), jobs: list(trainingJob), trainable: list(z.string()) }),
          ...problems,
        },
      },
    },
    async () => ({ items: await desk.models(), jobs: await desk.jobs(), trainable: desk.trainable }),
  );

  app.post(
    '/api/v1/models/:name/train',
    {
      schema: {
        tags,
        summary: 'Train a new version, as a candidate',
        params: nameParams,
        body: trainBody,
        response: { 202: trainingJob, ...problems },
      },
    },
    async (request, reply) =>
      reply.code(202).send(await desk.train(request.params.name, request.body.options, actorOf(request))),
  );

  app.delete(
    '/api/v1/models/jobs/:id',
    {
      schema: {
        tags,
        summary: 'Cancel a training job',
        params: z.strictObject({ id: idParam }),
        response: { 200: trainingJob, ...problems },
      },
    },
    async (request) => desk.cancel(request.params.id, actorOf(request)),
  );

  app.post(
    '/api/v1/models/:name/:version/promote',
    {
      schema: {
        tags,
        summary: 'Take a version into use',
        params: versionParams,
        response: { 200: modelChange, ...problems },
      },
    },
    async (request) => ({
      items: await desk.promote(`${request.params.name}@${request.params.version}`, actorOf(request)),
    }),
  );

  app.post(
    '/api/v1/models/:name/rollback',
    {
      schema: {
        tags,
        summary: 'Back to the version that was in use before, or to what comes with the program',
        params: nameParams,
        response: { 200: modelChange, ...problems },
      },
    },
    async (request) => ({ items: await desk.rollback(request.params.name, actorOf(request)) }),
  );

  for (const pinned of [true, false])
    app.post(
      `/api/v1/models/:name/:version/${pinned ? 'pin' : 'unpin'}`,
      {
        schema: {
          tags,
          summary: pinned ? 'Keep a champion in use' : 'Let a champion be replaced again',
          params: versionParams,
          response: { 200: modelChange, ...problems },
        },
      },
      async (request) => ({
        items: await desk.pin(`${request.params.name}@${request.params.version}`, pinned, actorOf(request)),
      }),
    );
}
