import type { App } from '../app.ts';
import type { ApiDeps } from '../deps.ts';
import { createApiServer } from '../server.ts';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

/** Noon of a day, so that every run sees the same shop. */
export const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);

export interface Served extends Fixture {
  readonly app: App;
}

/** The API over the generated shop, with some parts replaced. */
export async function serveFixture(changes: Partial<ApiDeps> = {}): Promise<Served> {
  const fixture = createFixture({ clock: { now: () => NOW } });
  const deps = { ...fixture.deps, ...changes };
  const app = await createApiServer(deps);
  return { deps, emit: fixture.emit, app };
}

/** What the page sends with a change. */
export const MEANT = { 'x-tocsin-request': '1' };
