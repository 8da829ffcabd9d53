import { ewma20 } from './baselines.ts';
import type { Method } from './method.ts';

/** Stand-in until `src/fuse/series-fusion.ts` exists. */
export function product(): Method {
  return { ...ewma20, name: 'Tocsin (stand-in)', defaultThreshold: 4 };
}

export function ablations(): Method[] {
  return [];
}
