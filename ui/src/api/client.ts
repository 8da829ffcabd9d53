import type { Problem } from './types.ts';

/** Where the page is served, with a closing slash; fixed at load, whatever the path becomes. */
export const ROOT = new URL('.', document.baseURI);

const TOKEN_KEY = 'tocsin.token';

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

export function setToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}

export function authHeaders(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

export type Query = Readonly<Record<string, string | number | undefined>>;

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const url = new URL(path, ROOT);
  for (const [key, value] of Object.entries(query))
    if (value !== undefined && value !== '') url.searchParams.set(key, String(value));
  return take<T>(await reach(url, { headers: authHeaders(), ...(signal === undefined ? {} : { signal }) }));
}

export const post = <T>(path: string, body: unknown): Promise<T> => change<T>('POST', path, body);
export const remove = <T>(path: string): Promise<T> => change<T>('DELETE', path);

/** The header says that this page meant it, and where the audit log has it from. */
async function change<T>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { ...authHeaders(), 'x-tocsin-request': 'page' };
  if (body === undefined) return take<T>(await reach(new URL(path, ROOT), { method, headers }));
  headers['content-type'] = 'application/json';
  return take<T>(await reach(new URL(path, ROOT), { method, headers, body: JSON.stringify(body) }));
}

async function reach(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(
      0,
      'unreachable',
      'Tocsin does not answer. Check that the process runs and that this address reaches it.',
    );
  }
}

async function take<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => null)) as Problem | null;
  throw new ApiError(response.status, problem?.code ?? 'internal', problem?.detail ?? `HTTP ${response.status}`);
}
