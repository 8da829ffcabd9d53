import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, remove } from './client.ts';
import type { WireModel, WireTrainingJob } from './types.ts';

interface Models {
  readonly items: readonly WireModel[];
  readonly jobs: readonly WireTrainingJob[];
  readonly trainable: readonly string[];
}

const enc = encodeURIComponent;

/** All versions of all models and the jobs that make new ones; asked for often while one runs. */
export const useModels = () =>
  useQuery({
    queryKey: ['models'],
    queryFn: () => get<Models>('api/v1/models'),
    refetchInterval: (query) =>
      query.state.data?.jobs.some(({ state }) => state === 'running' || state === 'queued') === true ? 2_000 : 60_000,
  });

/** What can be done with a version. */
export type ModelDeed = 'promote' | 'pin' | 'unpin';

function useChange<V>(change: (value: V) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => {
      for (const key of ['models', 'audit']) void client.invalidateQueries({ queryKey: [key] });
    },
  });
}
export const useModelDeed = () =>
  useChange(({ name, version, deed }: { name: string; version: number; deed: ModelDeed }) =>
    post(`api/v1/models/${enc(name)}/${version}/${deed}`, {}),
  );
export const useRollback = () => useChange((name: string) => post(`api/v1/models/${enc(name)}/rollback`, {}));
export const useTrain = () => useChange((name: string) => post(`api/v1/models/${enc(name)}/train`, { options: {} }));
export const useCancelTraining = () => useChange((id: string) => remove(`api/v1/models/jobs/${enc(id)}`));
