import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { Query } from './client.ts';
import { ApiError, get } from './client.ts';
import type {
  WireDecision,
  WireDeploy,
  WireGraph,
  WireIncident,
  WireIncidentPage,
  WireOutboxItem,
  WireRange,
  WireSeries,
  WireService,
  WireServices,
  WireStatus,
  WireTrace,
} from './types.ts';

const enc = encodeURIComponent;
interface Items<T> {
  readonly items: readonly T[];
}

/** Answers that will not change by asking again are not asked for again. */
export function worthRetrying(failures: number, error: unknown): boolean {
  return failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500);
}

export const useStatus = () =>
  useQuery({ queryKey: ['status'], queryFn: () => get<WireStatus>('api/v1/status'), refetchInterval: 30_000 });
export const useServices = () =>
  useQuery({ queryKey: ['services'], queryFn: () => get<WireServices>('api/v1/services'), refetchInterval: 60_000 });
export const useGraph = () =>
  useQuery({ queryKey: ['graph'], queryFn: () => get<WireGraph>('api/v1/graph'), refetchInterval: 15_000 });
export const useService = (name: string) =>
  useQuery({
    queryKey: ['service', name],
    queryFn: () => get<WireService>(`api/v1/services/${enc(name)}`),
    refetchInterval: 60_000,
  });

export const useIncidents = (query: Query) =>
  useInfiniteQuery({
    queryKey: ['incidents', query],
    queryFn: ({ pageParam }) => get<WireIncidentPage>('api/v1/incidents', { ...query, cursor: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });

export const useIncident = (id: string) =>
  useQuery({ queryKey: ['incident', id], queryFn: () => get<WireIncident>(`api/v1/incidents/${enc(id)}`) });
export const useDecisions = (subject: string, enabled: boolean) =>
  useQuery({
    queryKey: ['decisions', subject],
    queryFn: () => get<Items<WireDecision>>('api/v1/decisions', { subject }),
    enabled,
  });
export const useTrace = (id: string) =>
  useQuery({ queryKey: ['trace', id], queryFn: () => get<WireTrace>(`api/v1/traces/${enc(id)}`), staleTime: Infinity });
export const useDeploys = (query: Query) =>
  useQuery({
    queryKey: ['deploys', query],
    queryFn: () => get<Items<WireDeploy>>('api/v1/deploys', query),
    refetchInterval: 60_000,
  });
export const useIncidentOutbox = (incident: string) =>
  useQuery({
    queryKey: ['outbox', incident],
    queryFn: () => get<Items<WireOutboxItem>>('api/v1/outbox', { incident, limit: 200 }),
    refetchInterval: 15_000,
  });
export const useOutbox = () =>
  useQuery({
    queryKey: ['outbox'],
    queryFn: () => get<Items<WireOutboxItem>>('api/v1/outbox', { limit: 50 }),
    refetchInterval: 30_000,
  });

export const useSeriesSearch = (query: Query) =>
  useQuery({
    queryKey: ['series', query],
    queryFn: ({ signal }) => get<Items<WireSeries>>('api/v1/series', query, signal),
    placeholderData: keepPreviousData,
  });
export const useRange = (id: string, query: { from: number; to: number; step?: number }, enabled = true) =>
  useQuery({
    queryKey: ['range', id, query],
    queryFn: ({ signal }) =>
      get<WireRange>(
        `api/v1/series/${enc(id)}/range`,
        { from: Math.round(query.from), to: Math.round(query.to), step: query.step },
        signal,
      ),
    placeholderData: (previous) => (previous?.series.id === id ? previous : undefined),
    enabled,
  });
