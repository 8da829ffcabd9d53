import { useQuery } from '@tanstack/react-query';
import { get } from './client.ts';
import type { WireDrift, WireNoise } from './types.ts';

/** How well p-values are calibrated, and whether they drift. */
export const useDrift = () =>
  useQuery({ queryKey: ['drift'], queryFn: () => get<WireDrift>('api/v1/drift'), refetchInterval: 60_000 });

/** What the pages of the last four weeks were worth. */
export const useNoise = () =>
  useQuery({ queryKey: ['noise'], queryFn: () => get<WireNoise>('api/v1/noise'), refetchInterval: 300_000 });
