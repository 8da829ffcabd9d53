import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { App } from '../app.ts';
import type { LiveEvent } from '../deps.ts';
import { incidentSummary } from '../schemas/incident.ts';
import { liveEvents } from '../schemas/system.ts';
import { NOW, serveFixture } from '../testing/harness.ts';

interface Frame {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

let app: App;
let emit: (event: LiveEvent) => void;
let live: Awaited<ReturnType<typeof serveFixture>>['deps'];
let url: string;
const open: AbortController[] = [];

beforeEach(async () => {
  const served = await serveFixture({ heartbeatMs: 20 });
  ({ app, emit, deps: live } = served);
  await app.listen({ port: 0, host: '127.0.0.1' });
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/api/v1/events`;
});
afterEach(async () => {
  for (const controller of open.splice(0)) controller.abort();
  await app.close();
});

/** Frames as they come, heartbeats as `event: ''`. */
async function* frames(lastEventId?: string): AsyncGenerator<Frame> {
  const controller = new AbortController();
  open.push(controller);
  const response = await fetch(url, {
    signal: controller.signal,
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const parts = (text + chunk).split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const field = (name: string): string =>
        part
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2) ?? '';
      yield { id: field('id'), event: field('event'), data: field('data') };
    }
  }
}

async function next(stream: AsyncGenerator<Frame>, event: string): Promise<Frame> {
  for (;;) {
    const { value, done } = await stream.next();
    if (done === true) throw new Error(`the stream ended before ${event}`);
    if (value.event === event) return value;
  }
}

const tick = (at: number): LiveEvent => ({ type: 'tick', at, stats: live.live.stats() });

test('tells incidents, health and ticks in their schemas, and beats', async () => {
  const stream = frames();
  await next(stream, 'hello');
  const [incident] = (await live.control.incidents({})).items;
  emit(tick(NOW));
  emit({ type: 'health', watermark: NOW, services: live.live.health() });
  emit({ type: 'incident', incident: incident! });
  expect(liveEvents.tick.parse(JSON.parse((await next(stream, 'tick')).data)).at).toBe(NOW);
  expect(liveEvents.health.parse(JSON.parse((await next(stream, 'health')).data)).items).toHaveLength(10);
  expect(incidentSummary.parse(JSON.parse((await next(stream, 'incident')).data)).id).toBe(incident?.id);
  await next(stream, '');
});

test('a client that comes back gets what it missed, in order, once', async () => {
  const first = frames();
  await next(first, 'hello');
  emit(tick(1));
  const { id } = await next(first, 'tick');
  emit(tick(2));
  emit(tick(3));
  const second = frames(id);
  const seen = [await next(second, 'tick'), await next(second, 'tick')].map(
    ({ data }) => (JSON.parse(data) as { at: number }).at,
  );
  expect(seen).toEqual([2, 3]);
  expect((await next(second, 'hello')).id).not.toBe(id);
});

test.each(['0badc0de-1', 'nonsense', '-', '%'])(
  'an id that means nothing here (%s) asks to read all again',
  async (id) => {
    await next(frames(id), 'reset');
  },
);

test('an id too old for the ring asks to read all again', async () => {
  const first = frames();
  await next(first, 'hello');
  emit(tick(1));
  const { id } = await next(first, 'tick');
  for (let n = 0; n < 300; n++) emit(tick(n));
  await next(frames(id), 'reset');
});

test('closing the server ends the streams', async () => {
  const stream = frames();
  await next(stream, 'hello');
  await app.close();
  await expect(next(stream, 'tick')).rejects.toThrow();
});
