import type { ControlStore } from '../../domain/ports.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { StoredIncident } from './compare.ts';

const MAX_STORED = 20_000;

/** Incidents that opened in a time, as far as they are compared. */
export async function storedIncidents(control: ControlStore, from: EpochMs, to: EpochMs): Promise<StoredIncident[]> {
  const out: StoredIncident[] = [];
  let cursor: string | undefined;
  do {
    const page = await control.incidents({ from, to, limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    cursor = page.next ?? undefined;
    for (const incident of page.items) {
      const { id, openedAt, updatedAt, closedAt, severity, score, confidence, services, title, causes } = incident;
      const cause = causes[0]?.service ?? null;
      const verdict = incident.verdict?.kind ?? null;
      out.push({ id, openedAt, updatedAt, closedAt, severity, score, confidence, services, title, cause, verdict });
    }
  } while (cursor !== undefined && out.length < MAX_STORED);
  return out;
}
