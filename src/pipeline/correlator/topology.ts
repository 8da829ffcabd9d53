import type { EdgeTick } from '../../domain/anomaly.ts';
import type { GraphEdge } from '../../domain/health.ts';
import { DAY, type EpochMs } from '../../domain/units.ts';

interface Edge {
  readonly caller: string;
  readonly callee: string;
  calls: number;
  errors: number;
  serverMs: number;
  surprise: number;
  lastSeen: EpochMs;
}

/** Smoothing over ticks of 10 s: about a minute. */
const ALPHA = 0.15;
const FORGET_AFTER = DAY;
const TICK_SECONDS = 10;

/** The service graph as seen by the correlator: smoothed figures for people, edges for grouping and diagnosis. */
export class Topology {
  #edges = new Map<string, Edge>();

  observe(at: EpochMs, ticks: readonly EdgeTick[]): void {
    for (const tick of ticks) {
      const key = `${tick.caller}\n${tick.callee}`;
      const surprise = Math.max(tick.gapSurprise, tick.serverSurprise, tick.errorSurprise);
      const edge = this.#edges.get(key);
      if (edge === undefined) {
        this.#edges.set(key, {
          caller: tick.caller,
          callee: tick.callee,
          calls: tick.calls,
          errors: tick.errors,
          serverMs: tick.serverMs,
          surprise,
          lastSeen: at,
        });
        continue;
      }
      edge.calls += ALPHA * (tick.calls - edge.calls);
      edge.errors += ALPHA * (tick.errors - edge.errors);
      // Unknown until a span of each side was joined.
      if (!Number.isFinite(edge.serverMs)) edge.serverMs = tick.serverMs;
      else if (Number.isFinite(tick.serverMs)) edge.serverMs += ALPHA * (tick.serverMs - edge.serverMs);
      edge.surprise = surprise;
      edge.lastSeen = at;
    }
    for (const [key, edge] of this.#edges) if (at - edge.lastSeen > FORGET_AFTER) this.#edges.delete(key);
  }

  edges(): readonly { readonly caller: string; readonly callee: string }[] {
    return [...this.#edges.values()];
  }

  graph(): readonly Omit<GraphEdge, 'correlation' | 'lagTicks'>[] {
    return [...this.#edges.values()].map((edge) => ({
      caller: edge.caller,
      callee: edge.callee,
      callsPerSecond: edge.calls / TICK_SECONDS,
      errorRatio: edge.calls > 0 ? edge.errors / edge.calls : 0,
      serverMs: edge.serverMs,
      surprise: edge.surprise,
    }));
  }

  save(): readonly Edge[] {
    return [...this.#edges.values()];
  }

  restore(edges: readonly Edge[]): void {
    this.#edges = new Map(edges.map((edge) => [`${edge.caller}\n${edge.callee}`, { ...edge }]));
  }
}
