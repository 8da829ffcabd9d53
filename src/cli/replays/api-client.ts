import { TocsinError } from '../../domain/error.ts';

export interface ApiOptions {
  readonly api: string;
  readonly token?: string;
}

/** A call of a running Tocsin. @throws TocsinError `unavailable` when none answers, `invalid_request` with what it says. */
export async function callApi<T>(
  options: ApiOptions,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  const response = await fetch(`${options.api}/api/v1/${path}`, {
    method,
    headers: {
      'x-tocsin-request': 'cli',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new TocsinError('unavailable', `no Tocsin answers at ${options.api}; is it running? (--api)`);
  });
  if (response.ok) return (await response.json()) as T;
  const text = await response.text();
  let said = text;
  try {
    said = (JSON.parse(text) as { detail?: string }).detail ?? text;
  } catch {
    // Not ours: as it came.
  }
  throw new TocsinError('invalid_request', `${path.split('?')[0]}: ${response.status} ${said}`);
}

/** ISO 8601, ms since the epoch, `now`, or so long ago: `-30d`. Null when it is none of them. */
export function parseTime(text: string, parseDuration: (text: string) => number | null): number | null {
  if (text === 'now') return Date.now();
  if (/^\d{10,}$/.test(text)) return Number(text);
  if (text.startsWith('-')) {
    const ago = parseDuration(text.slice(1));
    return ago === null ? null : Date.now() - ago;
  }
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
