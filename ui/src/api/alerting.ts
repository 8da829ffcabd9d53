import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Matcher } from '../../../src/domain/alerting/matcher.ts';
import { get, post, remove } from './client.ts';
import type {
  WireAudit,
  WireBudget,
  WireMaintenance,
  WireMaintenancePreview,
  WirePolicy,
  WirePreview,
  WireRouting,
  WireRoutingTest,
  WireSilence,
} from './types.ts';

interface Items<T> {
  readonly items: readonly T[];
}

export const useSilences = () =>
  useQuery({
    queryKey: ['silences'],
    queryFn: () => get<Items<WireSilence>>('api/v1/silences'),
    refetchInterval: 30_000,
  });
export const useMaintenance = () =>
  useQuery({
    queryKey: ['maintenance'],
    queryFn: () => get<Items<WireMaintenance>>('api/v1/maintenance'),
    refetchInterval: 60_000,
  });
export const useRouting = () =>
  useQuery({ queryKey: ['routing'], queryFn: () => get<WireRouting>('api/v1/routes'), refetchInterval: 60_000 });
export const usePolicies = () =>
  useQuery({
    queryKey: ['policies'],
    queryFn: () => get<Items<WirePolicy>>('api/v1/policies'),
    staleTime: 60_000,
  });
export const useRoutingTest = (labels: Readonly<Record<string, string>>) =>
  useQuery({
    queryKey: ['routing-test', labels],
    queryFn: () => post<WireRoutingTest>('api/v1/routes/test', { labels }),
    enabled: Object.keys(labels).length > 0,
    placeholderData: keepPreviousData,
  });
export const useAudit = (query: { readonly from?: number; readonly to?: number; readonly limit?: number }) =>
  useQuery({
    queryKey: ['audit', query],
    queryFn: () => get<Items<WireAudit>>('api/v1/audit', query),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });

export const useBudget = () =>
  useQuery({ queryKey: ['budget'], queryFn: () => get<WireBudget>('api/v1/budget'), refetchInterval: 60_000 });

/** An open incident as Alertmanager's API has it: its labels, and what holds its notifications back. */
export interface OpenAlert {
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly receivers: readonly { readonly name: string }[];
  readonly status: {
    readonly state: 'active' | 'suppressed';
    readonly silencedBy: readonly string[];
    readonly inhibitedBy: readonly string[];
    readonly mutedBy: readonly string[];
  };
}
export const useOpenAlerts = () =>
  useQuery({
    queryKey: ['open-alerts'],
    queryFn: () => get<readonly OpenAlert[]>('api/v2/alerts'),
    refetchInterval: 30_000,
  });

/** What somebody is about to mute, looked up while they type. */
export const useSilencePreview = (matchers: readonly Matcher[]) =>
  useQuery({
    queryKey: ['silence-preview', matchers],
    queryFn: () => post<WirePreview>('api/v1/silences/preview', { matchers }),
    enabled: matchers.length > 0,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
export const useMaintenancePreview = (window: MaintenanceDraft | null) =>
  useQuery({
    queryKey: ['maintenance-preview', window],
    queryFn: () => post<WireMaintenancePreview>('api/v1/maintenance/preview', window),
    enabled: window !== null,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });

export interface SilenceDraft {
  readonly id?: string;
  readonly matchers: readonly Matcher[];
  readonly startsAt?: number;
  readonly endsAt: number;
  readonly comment: string;
  readonly createdBy?: string;
}
export interface MaintenanceDraft {
  readonly id?: string;
  readonly name: string;
  readonly matchers: readonly Matcher[];
  readonly spans: readonly { readonly startsAt: number; readonly endsAt: number }[];
  readonly recurrences: readonly WireMaintenance['recurrences'][number][];
  readonly comment: string;
  readonly createdBy?: string;
}
export interface CalendarDraft {
  readonly calendar: string;
  readonly matchers: readonly Matcher[];
  readonly zone: string;
  readonly createdBy?: string;
  readonly dryRun: boolean;
}

/** A change, after which everything that could show it is asked for again. */
function useChange<V, T>(change: (value: V) => Promise<T>, touches: readonly string[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => {
      for (const key of touches) void client.invalidateQueries({ queryKey: [key] });
    },
  });
}
const SILENCES = ['silences', 'open-alerts', 'audit'];
const WINDOWS = ['maintenance', 'open-alerts', 'audit'];

export const useSaveSilence = () =>
  useChange((draft: SilenceDraft) => post<WireSilence>('api/v1/silences', draft), SILENCES);
export const useEndSilence = () =>
  useChange((id: string) => remove<WireSilence>(`api/v1/silences/${encodeURIComponent(id)}`), SILENCES);
export const useSaveMaintenance = () =>
  useChange((draft: MaintenanceDraft) => post<WireMaintenance>('api/v1/maintenance', draft), WINDOWS);
export const useRemoveMaintenance = () =>
  useChange((id: string) => remove<unknown>(`api/v1/maintenance/${encodeURIComponent(id)}`), WINDOWS);
export const useImportCalendar = () =>
  useChange((draft: CalendarDraft) => post<Items<WireMaintenance>>('api/v1/maintenance/import', draft), WINDOWS);
