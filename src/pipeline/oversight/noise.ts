import type { Incident } from '../../domain/incident.ts';
import type { NoiseReport } from '../../domain/learning/noise.ts';
import type { ControlStore, NotificationReason } from '../../domain/ports.ts';
import type { EpochMs } from '../../domain/units.ts';
import { type LedgerEntry, noiseLedger } from '../../learn/noise/noise.ts';

/** Incidents read at most: the newest. */
const MOST_INCIDENTS = 5_000;
const PAGE = 200;
/** What wakes somebody; everything else is told to those who know already. */
const PAGES: ReadonlySet<NotificationReason> = new Set<NotificationReason>(['opened', 'reopened', 'escalated']);

/** The noise ledger of the incidents that went on between `from` and `to`, and of the pages of that time. */
export async function readNoise(
  control: Pick<ControlStore, 'incidents' | 'outbox'>,
  from: EpochMs,
  to: EpochMs,
): Promise<NoiseReport> {
  const entries: LedgerEntry[] = [];
  let cursor: string | undefined;
  do {
    const page = await control.incidents({ from, to, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    for (const incident of page.items) entries.push({ incident, pages: await pagesOf(control, incident, from, to) });
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && entries.length < MOST_INCIDENTS);
  return noiseLedger(entries, from, to, cursor === undefined);
}

/** One page however many receivers got it: same reason, same version of the incident. */
async function pagesOf(
  control: Pick<ControlStore, 'outbox'>,
  { id }: Incident,
  from: EpochMs,
  to: EpochMs,
): Promise<EpochMs[]> {
  const told = await control.outbox({ incident: id });
  const pages = new Map<string, EpochMs>();
  for (const { payload, createdAt, state } of told) {
    if (state === 'refused' || !PAGES.has(payload.reason) || createdAt < from || createdAt >= to) continue;
    pages.set(`${payload.reason} ${createdAt}`, createdAt);
  }
  return [...pages.values()].sort((a, b) => a - b);
}
