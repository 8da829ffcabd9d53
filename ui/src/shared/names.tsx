import { useMemo } from 'react';
import { useServices } from '../api/queries.ts';
import { formatClock, formatDay, formatShort } from './time.tsx';

export interface Names {
  /** A service without the namespace that all services share. */
  readonly short: (service: string) => string;
  /** A sentence of ours with short names, and with times in the reader's zone instead of UTC. `near` is a moment of that day. */
  readonly words: (text: string, near?: number) => string;
}

/** What Tocsin reports under when everything behind it is silent; it has no namespace. */
const OURS = 'telemetry-pipeline';

/** "shop/" when every service is `shop/...`, else empty. */
export function sharedPrefix(services: readonly string[]): string {
  const [first = '', ...others] = services.filter((service) => service !== OURS);
  const prefix = first.slice(0, first.indexOf('/') + 1);
  return prefix !== '' && others.every((service) => service.startsWith(prefix)) ? prefix : '';
}

/** What tells a series from its siblings: labels without those that repeat the service, and the pod. */
export function marksOf(series: {
  readonly service: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly instance: string;
}): readonly string[] {
  const own = series.service.slice(series.service.lastIndexOf('/') + 1);
  const labels = Object.entries(series.labels)
    .filter(([key, value]) => value !== own && key !== 'replica')
    .map(([key, value]) => `${key}=${value}`);
  const pod = series.instance.startsWith(`${own}-`) ? series.instance.slice(own.length + 1) : series.instance;
  return pod === '' ? labels : [...labels, `on ${pod}`];
}

export function useNames(): Names {
  const { data } = useServices();
  const prefix = sharedPrefix((data?.items ?? []).map(({ service }) => service));
  return useMemo(() => {
    const pattern =
      prefix === '' ? null : new RegExp(`(?<![\\w./-])${prefix.replaceAll(/[^\w/]/g, '\\$&')}(?=\\w)`, 'g');
    return {
      short: (service) => (service.startsWith(prefix) ? service.slice(prefix.length) : service),
      words: (text, near = Date.now()) => {
        const short = pattern === null ? text : text.replaceAll(pattern, '');
        const local = short.replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z/g, (iso) =>
          momentIn(iso, near),
        );
        return local.replaceAll(/\b(\d\d):(\d\d) UTC\b/g, (_, hour: string, minute: string) =>
          formatShort(momentNear(Number(hour), Number(minute), near)),
        );
      },
    };
  }, [prefix]);
}

/** A moment written as RFC 3339 in the reader's zone, without the day when it is that of `near`. */
function momentIn(iso: string, near: number): string {
  const at = Date.parse(iso);
  return new Date(at).toDateString() === new Date(near).toDateString() ? formatClock(at) : formatDay(at);
}

/** The moment closest to `near` at which clocks in UTC show this. */
function momentNear(hour: number, minute: number, near: number): number {
  const day = 86_400_000;
  const at = Math.floor(near / day) * day + (hour * 60 + minute) * 60_000;
  return at - near > day / 2 ? at - day : near - at > day / 2 ? at + day : at;
}
