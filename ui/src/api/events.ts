import type { QueryClient } from '@tanstack/react-query';
import { authHeaders, ROOT } from './client.ts';
import type { WireIncident, WireIncidentSummary, WireServices, WireStats, WireStatus } from './types.ts';

export type Connection = 'connecting' | 'live' | 'lost';

let connection: Connection = 'connecting';
const watchers = new Set<() => void>();

export const connectionStore = {
  get: (): Connection => connection,
  watch: (watcher: () => void): (() => void) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
};

function become(next: Connection): void {
  if (next === connection) return;
  connection = next;
  for (const watcher of watchers) watcher();
}

/** Quiet for longer than three heartbeats of the server: the line is dead even if TCP has not noticed. */
const SILENCE_MS = 45_000;

/** Follows the server's events for as long as the page lives. By fetch, because EventSource cannot send a token. */
export async function follow(client: QueryClient, stop: AbortSignal): Promise<void> {
  let lastId = '';
  for (let wait = 500; !stop.aborted; wait = Math.min(wait * 2, 15_000)) {
    const attempt = new AbortController();
    const quit = () => attempt.abort();
    stop.addEventListener('abort', quit);
    let silence = setTimeout(quit, SILENCE_MS);
    try {
      const headers = { ...authHeaders(), ...(lastId === '' ? {} : { 'last-event-id': lastId }) };
      const response = await fetch(new URL('api/v1/events', ROOT), { headers, signal: attempt.signal });
      if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`);
      become('live');
      if (lastId === '' && wait > 500) void client.invalidateQueries();
      wait = 500;
      let text = '';
      for await (const chunk of chunks(response.body.pipeThrough(new TextDecoderStream()))) {
        clearTimeout(silence);
        silence = setTimeout(quit, SILENCE_MS);
        const frames = (text + chunk).split('\n\n');
        text = frames.pop() ?? '';
        for (const frame of frames) lastId = take(client, frame) || lastId;
      }
    } catch {
      // Told to the user by the indicator; the loop comes back.
    }
    clearTimeout(silence);
    stop.removeEventListener('abort', quit);
    if (stop.aborted) return;
    become('lost');
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function* chunks(stream: ReadableStream<string>): AsyncGenerator<string> {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

/** Applies one frame; returns its id. */
function take(client: QueryClient, frame: string): string {
  let [id, name, data] = ['', '', ''];
  for (const line of frame.split('\n')) {
    if (line.startsWith('id: ')) id = line.slice(4);
    else if (line.startsWith('event: ')) name = line.slice(7);
    else if (line.startsWith('data: ')) data = line.slice(6);
  }
  if (name === 'reset') void client.invalidateQueries();
  if (name === 'health') client.setQueryData(['services'], JSON.parse(data) as WireServices);
  if (name === 'tick') {
    const tick = JSON.parse(data) as { at: number; now: number; stats: WireStats };
    client.setQueryData<WireStatus>(
      ['status'],
      (old) => old && { ...old, now: tick.now, watermark: tick.at, stats: tick.stats },
    );
  }
  if (name === 'incident') {
    const told = JSON.parse(data) as WireIncidentSummary;
    for (const key of ['incidents', 'open-alerts', 'budget']) void client.invalidateQueries({ queryKey: [key] });
    for (const key of ['outbox', 'decisions']) void client.invalidateQueries({ queryKey: [key, told.id] });
    const shown = client.getQueryData<WireIncident>(['incident', told.id]);
    if (shown !== undefined && shown.version < told.version)
      void client.invalidateQueries({ queryKey: ['incident', told.id] });
  }
  return id;
}
