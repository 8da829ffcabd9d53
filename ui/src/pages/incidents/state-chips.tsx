import { useOpenAlerts } from '../../api/alerting.ts';
import type { WireIncidentSummary } from '../../api/types.ts';
import { Chip, VERDICT_WORDS } from '../../shared/signs.tsx';
import { momentWords, useNow } from '../../shared/time.tsx';

/** Who has it, and whether somebody or something keeps it quiet: an incident nobody hears of must show it. */
export function StateChips({ incident }: { incident: WireIncidentSummary }) {
  const now = useNow();
  const alerts = useOpenAlerts();
  const { status, verdict, reopenedCount, acknowledgedBy, assignedTo, snoozedUntil, escalatedAt } = incident;
  const open = status === 'open';
  const held = open ? alerts.data?.find(({ fingerprint }) => fingerprint === incident.id)?.status : undefined;
  const who = assignedTo ?? acknowledgedBy;
  const snoozed = snoozedUntil ?? 0;
  return (
    <>
      {reopenedCount > 0 && <Chip>reopened {reopenedCount}×</Chip>}
      {open && escalatedAt !== null && escalatedAt !== undefined && <Chip tone="warning">escalated</Chip>}
      {held !== undefined && held.silencedBy.length > 0 && <Chip tone="warning">silenced</Chip>}
      {held !== undefined && held.inhibitedBy.length > 0 && <Chip tone="warning">effect of another</Chip>}
      {held !== undefined && held.silencedBy.length === 0 && held.mutedBy.length > 0 && (
        <Chip tone="warning" title={held.mutedBy.join('; ')}>
          muted
        </Chip>
      )}
      {open && snoozed > now && <Chip tone="warning">snoozed until {momentWords(snoozed, now)}</Chip>}
      {verdict !== null ? (
        <Chip tone="accent">{VERDICT_WORDS[verdict.kind].label}</Chip>
      ) : (
        who !== null && who !== undefined && <Chip tone="accent">{open ? `${who} is on it` : who}</Chip>
      )}
    </>
  );
}
