import { useEffect, useState } from 'react';
import { useStatus } from '../api/queries.ts';
import { span } from './format.ts';

const clockTime = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const shortTime = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });
const dayTime = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hour12: false,
});

export const formatClock = (at: number): string => clockTime.format(at);
export const formatShort = (at: number): string => shortTime.format(at);
export const formatDay = (at: number): string => dayTime.format(at);
export const utc = (at: number): string => `${new Date(at).toISOString().replace('T', ' ').slice(0, 19)} UTC`;

/** What a field of type datetime-local holds: local time to the minute or second. */
export function localInput(at: number, seconds = false): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, seconds ? 19 : 16);
}

/** "14:05", "14:05 yesterday", "Mon, 3 Nov, 14:05": as short as stays clear. */
export function momentWords(at: number, now: number): string {
  const date = (moment: number): string => new Date(moment).toDateString();
  if (date(at) === date(now)) return formatShort(at);
  if (date(at) === date(now + 86_400_000)) return `${formatShort(at)} tomorrow`;
  return date(at) === date(now - 86_400_000) ? `${formatShort(at)} yesterday` : formatDay(at);
}

/** The server's clock, to the nearest few seconds: ages must not depend on a laptop's wrong time. */
export function useNow(everyMs = 5_000): number {
  const { data } = useStatus();
  const [skew, setSkew] = useState(0);
  const [now, setNow] = useState(Date.now());
  const served = data?.now;
  useEffect(() => {
    if (served !== undefined) setSkew(served - Date.now());
  }, [served]);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now + skew;
}

/** Where "now" lies on the charts: the newest data while old data are being read in, else the clock. */
export function useLiveEnd(): number {
  const now = useNow();
  const { data } = useStatus();
  const watermark = data?.watermark ?? 0;
  return watermark > 0 && now - watermark > 10 * 60_000 ? watermark : now;
}

type Look = 'clock' | 'short' | 'day';
const LOOKS: Readonly<Record<Look, (at: number) => string>> = {
  clock: formatClock,
  short: formatShort,
  day: formatDay,
};

/** A moment in the reader's zone; UTC on hover. */
export function Time({ at, look = 'day' }: { at: number; look?: Look }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={utc(at)}>
      {LOOKS[look](at)}
    </time>
  );
}

/** "14 min ago", with the moment on hover. */
export function Ago({ at }: { at: number }) {
  const now = useNow();
  const age = Math.max(0, now - at);
  return (
    <time dateTime={new Date(at).toISOString()} title={`${formatDay(at)} · ${utc(at)}`}>
      {age < 10_000 ? 'just now' : `${span(age)} ago`}
    </time>
  );
}
