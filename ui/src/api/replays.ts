import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, remove } from './client.ts';
import type { WireBacktestJob, WireDecisionReplay, WireExplanation } from './types.ts';

const enc = encodeURIComponent;

/**
 * Why a service, series or incident did or did not alert around a moment; an incident needs none. Without `changes` it comes at
 * once; the smallest changes that turn it are searched for by running it again and again.
 */
export const useExplanation = (subject: string, at: number | undefined, changes: boolean, enabled = true) =>
  useQuery({
    queryKey: ['explain', subject, at, changes],
    queryFn: ({ signal }) =>
      get<WireExplanation>(
        'api/v1/explain',
        { subject, at: at === undefined ? undefined : Math.round(at), changes: String(changes) },
        signal,
      ),
    enabled,
    staleTime: 60_000,
  });
export const useDecisionReplay = (id: string, enabled: boolean) =>
  useQuery({
    queryKey: ['replay', id],
    queryFn: () => get<WireDecisionReplay>(`api/v1/decisions/${enc(id)}/replay`),
    enabled,
    staleTime: Infinity,
  });

export const useBacktests = () =>
  useQuery({
    queryKey: ['backtests'],
    queryFn: () => get<{ readonly items: readonly WireBacktestJob[] }>('api/v1/backtests'),
    refetchInterval: 15_000,
  });
/** A job, asked for again while it runs. */
export const useBacktest = (id: string) =>
  useQuery({
    queryKey: ['backtest', id],
    queryFn: () => get<WireBacktestJob>(`api/v1/backtests/${enc(id)}`),
    refetchInterval: (query) => (query.state.data?.state === 'running' ? 700 : false),
  });

export interface BacktestDraft {
  readonly from: number;
  readonly to: number;
  readonly config?: string;
  /** It is laid over the configuration that runs. */
  readonly piece: boolean;
  readonly mode: 'auto' | 'ticks' | 'input';
}
function useJob<V>(change: (value: V) => Promise<WireBacktestJob>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: (job) => {
      client.setQueryData(['backtest', job.id], job);
      void client.invalidateQueries({ queryKey: ['backtests'] });
    },
  });
}
export const useStartBacktest = () => useJob((draft: BacktestDraft) => post('api/v1/backtests', draft));
export const useCancelBacktest = () => useJob((id: string) => remove(`api/v1/backtests/${enc(id)}`));
