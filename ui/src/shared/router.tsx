import type { AnchorHTMLAttributes, MouseEvent, Ref } from 'react';
import { useMemo, useSyncExternalStore } from 'react';
import { ROOT } from '../api/client.ts';

/** The URL is the state: pages read it here and write it here, and nowhere else. */
const CHANGED = 'tocsin:navigate';

export type Params = Readonly<Record<string, string | number | null | undefined>>;

/** `incidents/inc-1` and parameters to an absolute path below wherever the page is served. */
export function href(path: string, params: Params = {}): string {
  const url = new URL(path, ROOT);
  for (const [key, value] of Object.entries(params))
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(key, String(value));
  return url.pathname + url.search;
}

export function navigate(to: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
  if (options.replace === true) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  if (options.keepScroll !== true) window.scrollTo(0, 0);
  window.dispatchEvent(new Event(CHANGED));
}

function watch(changed: () => void): () => void {
  window.addEventListener('popstate', changed);
  window.addEventListener(CHANGED, changed);
  return () => {
    window.removeEventListener('popstate', changed);
    window.removeEventListener(CHANGED, changed);
  };
}

/** Path segments below the root, decoded. */
export function usePath(): readonly string[] {
  const path = useSyncExternalStore(watch, () => location.pathname);
  return useMemo(() => path.slice(ROOT.pathname.length).split('/').filter(Boolean).map(decode), [path]);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export interface Search {
  readonly get: (key: string) => string;
  /** Changes some parameters; null or '' removes one. A change of view is a step in the history, typing is not. */
  readonly set: (changes: Params, options?: { push?: boolean }) => void;
}

export function useSearch(): Search {
  const search = useSyncExternalStore(watch, () => location.search);
  return useMemo(() => {
    const params = new URLSearchParams(search);
    return {
      get: (key) => params.get(key) ?? '',
      set: (changes, options = {}) => {
        const next = new URLSearchParams(location.search);
        for (const [key, value] of Object.entries(changes)) {
          if (value === null || value === undefined || value === '') next.delete(key);
          else next.set(key, String(value));
        }
        const query = next.toString();
        navigate(`${location.pathname}${query === '' ? '' : `?${query}`}`, {
          replace: options.push !== true,
          keepScroll: true,
        });
      },
    };
  }, [search]);
}

export function Link({
  to,
  onClick,
  ...rest
}: AnchorHTMLAttributes<HTMLAnchorElement> & { to: string; ref?: Ref<HTMLAnchorElement> }) {
  const go = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    navigate(to);
  };
  return <a href={to} onClick={go} {...rest} />;
}
