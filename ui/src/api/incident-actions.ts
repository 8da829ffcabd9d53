import type { QueryClient } from '@tanstack/react-query';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { VerdictKind } from '../../../src/domain/verdict.ts';
import { post } from './client.ts';
import type { WireIncident } from './types.ts';

interface By {
  readonly by?: string;
}

/** What each action says; the answer is the incident as stored. */
interface Bodies {
  readonly acknowledge: By;
  readonly assign: By & { readonly to: string | null };
  readonly snooze: By & { readonly until: number | null };
  readonly comment: By & { readonly text: string };
  readonly close: By & { readonly comment: string };
  readonly reopen: By & { readonly comment: string };
  readonly merge: By & { readonly with: readonly string[] };
  readonly verdict: By & { readonly kind: VerdictKind; readonly comment: string };
}

const pathOf = (id: string, action: string): string => `api/v1/incidents/${encodeURIComponent(id)}/${action}`;

/** Shown at once, and everything that lists it is asked for again. */
function stored(client: QueryClient, incidents: readonly WireIncident[]): void {
  for (const incident of incidents) client.setQueryData(['incident', incident.id], incident);
  for (const key of ['incidents', 'open-alerts', 'outbox', 'decisions', 'audit'])
    void client.invalidateQueries({ queryKey: [key] });
}

export function useIncidentAction<A extends keyof Bodies>(id: string, action: A) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Bodies[A]) => post<WireIncident>(pathOf(id, action), body),
    onSuccess: (incident) => stored(client, [incident]),
  });
}

export function useSplit(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: By & { readonly services: readonly string[] }) =>
      post<{ readonly kept: WireIncident; readonly split: WireIncident }>(pathOf(id, 'split'), body),
    onSuccess: ({ kept, split }) => stored(client, [kept, split]),
  });
}
