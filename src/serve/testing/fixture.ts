import type { Clock } from '../../domain/ports.ts';
import type { ApiDeps, LiveEvent } from '../deps.ts';
import { createFakeControl } from './fake-control.ts';
import { budgetAt, createFakeDesk } from './fake-desk.ts';
import { createFakeHistory } from './fake-history.ts';
import { createEmptyLive, createFakeLive } from './fake-live.ts';
import { decisionsOf, deploysAt, outboxOf, templatesAt, tracesAt } from './records.ts';
import { storiesAt } from './stories.ts';
import { incidentOf } from './story.ts';

export interface Fixture {
  readonly deps: ApiDeps;
  /** Tells every open event stream. */
  readonly emit: (event: LiveEvent) => void;
}

/** All that the API needs, without the rest of Tocsin: a generated shop, or nothing yet when `empty`. */
export function createFixture(options: {
  readonly clock: Clock;
  readonly empty?: boolean;
  readonly uiRoot?: string | null;
}): Fixture {
  const { clock, empty = false } = options;
  const start = Math.floor(clock.now() / 60_000) * 60_000;
  const stories = empty ? [] : storiesAt(start);
  const effects = stories.flatMap((story) => story.effects);
  const incidents = stories.map((story) => incidentOf(story, start));
  const listeners = new Set<(event: LiveEvent) => void>();
  const emit = (event: LiveEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const control = createFakeControl(
    {
      incidents,
      deploys: empty ? [] : deploysAt(start),
      templates: templatesAt(start, incidents),
      traces: empty ? [] : tracesAt(start),
      decisions: decisionsOf(incidents),
      outbox: outboxOf(incidents),
    },
    (incident) => emit({ type: 'incident', incident }),
  );
  const deps: ApiDeps = {
    control,
    history: createFakeHistory(start, clock, effects),
    live: empty ? createEmptyLive(start, clock) : createFakeLive(start, clock, { incidents, effects }),
    clock,
    act: createFakeDesk(control, clock, (incident) => emit({ type: 'incident', incident })),
    budget: () => budgetAt(clock.now(), incidents),
    events: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    metrics: async () =>
      '# HELP tocsin_points_total Points taken in.\n# TYPE tocsin_points_total counter\ntocsin_points_total 12480\n',
    reload: async () => ({ ok: true, errors: [] }),
    ready: () => true,
    uiRoot: options.uiRoot ?? null,
    version: '0.1.0',
    info: () => ({
      configHash: 'c41f9a0277be',
      configPath: 'tocsin.yaml',
      otlpGrpcPort: 4317,
      otlpHttpPort: 4318,
      remoteWritePort: 4318,
    }),
  };
  return { deps, emit };
}
