import { useMemo } from 'react';
import type { Search } from '../../shared/router.tsx';
import { useLiveEnd } from '../../shared/time.tsx';

const HOUR = 3_600_000;
export const SPANS: Readonly<Record<string, number>> = {
  '1h': HOUR,
  '6h': 6 * HOUR,
  '24h': 24 * HOUR,
  '2d': 48 * HOUR,
  '7d': 168 * HOUR,
};
const DEFAULT_SPAN = '6h';
const MIN_ZOOM = 60_000;
const TICK = 10_000;

export interface Window {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly span: string;
  /** True when the URL names the range; else it follows the newest data. */
  readonly custom: boolean;
  readonly zoom: (from: number, to: number) => void;
  readonly zoomOut: () => void;
}

/** The time range of the URL: `from` and `to` in ms, or the last `span`. */
export function useWindow(search: Search): Window {
  const end = Math.ceil(useLiveEnd() / TICK) * TICK;
  return useMemo(() => {
    const [askedFrom, askedTo] = [Number(search.get('from')), Number(search.get('to'))];
    const custom = askedFrom > 0 && askedTo > askedFrom;
    const span = SPANS[search.get('span')] === undefined ? DEFAULT_SPAN : search.get('span');
    const to = custom ? askedTo : end;
    const from = custom ? askedFrom : end - (SPANS[span] ?? 6 * HOUR);
    const step = Math.max(TICK, Math.ceil((to - from) / 480 / TICK) * TICK);
    const zoom = (a: number, b: number): void => {
      const middle = (a + b) / 2;
      const half = Math.max(b - a, MIN_ZOOM) / 2;
      search.set({ from: Math.round(middle - half), to: Math.round(middle + half) }, { push: true });
    };
    return {
      from,
      to,
      step,
      span,
      custom,
      zoom,
      zoomOut: () => zoom(from - (to - from) / 2, Math.min(end, to + (to - from) / 2)),
    };
  }, [search, end]);
}
