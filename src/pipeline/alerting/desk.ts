import type { IncidentAction } from '../../domain/alerting/incident-action.ts';
import type { Incident } from '../../domain/incident.ts';
import type { ControlStore, OutboxEntry } from '../../domain/ports.ts';
import type { Committer } from '../committer.ts';
import type { Correlator } from '../correlator/correlator.ts';

export interface DeskOptions {
  readonly control: ControlStore;
  readonly correlator: Correlator;
  readonly committer: Pick<Committer, 'perform'>;
}

/** Takes what people do to incidents to the correlator: between reports, and durable when it resolves. */
export function createDesk({ control, correlator, committer }: DeskOptions) {
  return async (action: IncidentAction): Promise<readonly Incident[]> => {
    const structural = action.kind === 'close' || action.kind === 'reopen' || action.kind === 'merge';
    const adopted: Incident[] = [];
    if (structural || action.kind === 'split') {
      // What ended long ago is held no longer.
      const ids = action.kind === 'merge' ? [action.id, ...action.others] : [action.id];
      for (const id of ids) {
        const stored = correlator.holds(id) ? null : await control.incident(id);
        if (stored !== null) adopted.push(stored);
      }
    } else if (action.kind === 'comment' || action.kind === 'adopt' || !correlator.holds(action.id)) return [];
    const step = await committer.perform(() => {
      for (const incident of adopted) correlator.act({ kind: 'adopt', incident });
      return correlator.act(action);
    });
    return step.incidents;
  };
}

/**
 * What people said and the store has, but the correlator had not saved yet when the process was killed: who acknowledged an
 * open incident must not be paged again.
 */
export async function reconcile(control: ControlStore, correlator: Correlator): Promise<void> {
  const outbox: OutboxEntry[] = [];
  const redo = (action: IncidentAction): void => void outbox.push(...correlator.act(action).outbox);
  for (const held of correlator.incidents()) {
    if (held.status !== 'open') continue;
    const stored = await control.incident(held.id);
    if (stored === null) continue;
    const { id } = held;
    if (stored.acknowledgedAt !== null && held.acknowledgedAt === null)
      redo({ kind: 'acknowledge', id, by: stored.acknowledgedBy ?? '', at: stored.acknowledgedAt });
    const by = '';
    const at = stored.updatedAt;
    const to = stored.assignedTo ?? null;
    if (to !== (held.assignedTo ?? null)) redo({ kind: 'assign', id, to, by, at });
    const until = stored.snoozedUntil ?? null;
    if (until !== (held.snoozedUntil ?? null)) redo({ kind: 'snooze', id, until, by, at });
  }
  if (outbox.length > 0) await control.enqueue(outbox);
}
