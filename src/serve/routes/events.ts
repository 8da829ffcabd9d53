import { z } from 'zod';
import { TocsinError } from '../../domain/error.ts';
import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { EventHub } from '../event-hub.ts';
import { problems } from '../schemas/common.ts';
import { liveEvents } from '../schemas/system.ts';

const MAX_STREAMS = 256;
/** A reader this far behind is let go; it comes back with its last id. */
const MAX_BUFFERED_BYTES = 1 << 20;
const HEARTBEAT_MS = 15_000;

for (const [name, schema] of Object.entries(liveEvents)) if (name !== 'incident') schema.meta({ id: `${name}Event` });

export function eventRoutes(app: App, deps: ApiDeps): void {
  const hub = new EventHub(deps.events, deps.clock);
  const leave = new Set<() => void>();
  app.addHook('preClose', async () => {
    for (const end of leave) end();
    hub.close();
  });

  app.get(
    '/api/v1/events',
    {
      schema: {
        tags: ['live'],
        summary: 'Server-sent events',
        description:
          'Events `incident` (an IncidentSummary), `health` and `tick`. `hello` opens the stream; `reset` says that events were missed: read everything again. ' +
          'A comment line is sent as heartbeat. Resume with `Last-Event-ID`.',
        headers: z.object({ 'last-event-id': z.string().max(64).optional() }),
        response: { 200: z.string().describe('text/event-stream'), ...problems },
      },
    },
    (request, reply) => {
      if (leave.size >= MAX_STREAMS)
        throw new TocsinError('overloaded', `${MAX_STREAMS} event streams are open`, { retryAfterMs: 10_000 });
      const { raw } = reply;
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value);
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      const write = (frame: string): boolean => {
        if (raw.destroyed || raw.writableLength > MAX_BUFFERED_BYTES) {
          end();
          return false;
        }
        raw.write(frame);
        return true;
      };
      const heartbeat = setInterval(() => write(': still here\n\n'), deps.heartbeatMs ?? HEARTBEAT_MS);
      let forget: () => void = () => undefined;
      const end = (): void => {
        clearInterval(heartbeat);
        forget();
        leave.delete(end);
        raw.end();
      };
      leave.add(end);
      request.raw.on('close', end);
      forget = hub.join(write, request.headers['last-event-id']);
    },
  );
}
