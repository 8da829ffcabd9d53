import { TocsinError } from '../../domain/error.ts';

export interface HttpCall {
  readonly url: string;
  /** Absent with GET. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Named in errors instead of the URL, which may hold a secret. */
  readonly what: string;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** Some say how long to wait in the body: ms, or null when it does not. */
  readonly retryAfterIn?: (body: string) => number | null;
}

const MAX_RETRY_AFTER = 3_600_000;
const MAX_ANSWER = 262_144;

/**
 * Sends JSON. 2xx returns the body; 408, 429 and 5xx and network faults throw `delivery_failed` (retryable, honouring
 * Retry-After in seconds or as a date against `now`); any other status throws `delivery_refused`.
 */
export async function postJson(call: HttpCall, now: number): Promise<string> {
  let response: Response;
  try {
    response = await fetch(call.url, {
      method: call.method ?? 'POST',
      headers: {
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        accept: 'application/json',
        'user-agent': 'tocsin',
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(call.timeoutMs),
    });
  } catch (error) {
    // The message of a fetch error can quote the URL; its code does not.
    const code = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).name;
    throw new TocsinError('delivery_failed', `${call.what} cannot be reached: ${code}`);
  }
  const text = (await response.text().catch(() => '')).slice(0, MAX_ANSWER);
  if (response.ok) return text;
  const retryable = response.status === 408 || response.status === 429 || response.status >= 500;
  const message = `${call.what} answered ${response.status}${text === '' ? '' : `: ${text.slice(0, 200)}`}`;
  if (!retryable) throw new TocsinError('delivery_refused', message);
  const wait = retryAfter(response.headers.get('retry-after'), now) ?? call.retryAfterIn?.(text) ?? null;
  throw new TocsinError('delivery_failed', message, wait === null ? {} : { retryAfterMs: wait });
}

/** Retry-After as seconds or HTTP date → ms from `now`, at most an hour; null if absent or unreadable. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(MAX_RETRY_AFTER, Math.max(0, ms)) : null;
}

/** The fields of a JSON object in an answer; empty for anything else. */
export function fieldsOf(answer: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(answer);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A text field of an answer, reached by a path; empty when it is not there. */
export function fieldIn(answer: string, ...path: readonly string[]): string {
  let value: unknown = fieldsOf(answer);
  for (const key of path)
    value = value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

export const basicAuth = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
