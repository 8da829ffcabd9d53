import { ActionIcon, Tooltip, useMantineColorScheme } from '@mantine/core';
import type { ReactNode } from 'react';
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import { connectionStore } from '../api/events.ts';
import { useIncidents, useStatus } from '../api/queries.ts';
import { plain, span } from './format.ts';
import { href, Link, usePath } from './router.tsx';
import styles from './shell.module.css';
import { Shortcuts } from './shortcuts.tsx';
import { formatClock, momentWords, useNow } from './time.tsx';

/** What the bar needs of a page (`pages/registry.tsx`). */
export interface BarEntry {
  readonly path: string;
  readonly name: string;
  readonly key: string;
  readonly icon: ReactNode;
}

export function Shell({ pages, children }: { pages: readonly BarEntry[]; children: ReactNode }) {
  const path = usePath();
  const section = path[0] ?? '';
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const dark = document.documentElement.getAttribute('data-mantine-color-scheme') === 'dark';
  const flip = useCallback(() => {
    const isDark = document.documentElement.getAttribute('data-mantine-color-scheme') === 'dark';
    setColorScheme(isDark ? 'light' : 'dark');
  }, [setColorScheme]);
  const open = useIncidents({ status: 'open', limit: 50 });
  const count = open.data?.pages[0]?.items.length ?? 0;
  const main = useRef<HTMLElement>(null);
  const place = path.join('/');
  const before = useRef(place);

  // A new page: screen readers and the Tab key start at its beginning.
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    main.current?.focus({ preventScroll: true });
  }, [place]);

  return (
    <div className={styles.frame}>
      <a
        className={styles.skip}
        href={`${location.pathname}${location.search}#main`}
        onClick={(event) => {
          // With a <base>, a bare "#main" would lead to the root.
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to content
      </a>
      <header className={styles.bar}>
        <Link to={href('')} className={styles.brand} aria-label="Tocsin, overview">
          <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
            <path
              d="M3 19h7l2.5-3 3 9L19 6l3.2 13H29"
              fill="none"
              stroke="var(--accent)"
              strokeWidth="3"
              strokeLinecap="round"
              strokeLinejoin="round"
            />
          </svg>
          <span>Tocsin</span>
        </Link>
        <nav aria-label="Pages" className={styles.nav}>
          {pages.map(({ path: to, name, icon }) => (
            <Link key={to} to={href(to)} className={styles.page} aria-current={section === to ? 'page' : undefined}>
              <svg
                viewBox="0 0 16 16"
                width="16"
                height="16"
                fill="none"
                stroke="currentColor"
                strokeWidth="1.5"
                strokeLinecap="round"
                strokeLinejoin="round"
                aria-hidden="true"
              >
                {icon}
              </svg>
              <span>{name}</span>
              {to === 'incidents' && count > 0 && (
                <span className={styles.count}>
                  {count}
                  <span className="visually-hidden"> open</span>
                </span>
              )}
            </Link>
          ))}
        </nav>
        <div className={styles.right}>
          <LiveSign />
          <Tooltip label={dark ? 'Light theme (d)' : 'Dark theme (d)'}>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={dark ? 'Switch to the light theme' : 'Switch to the dark theme'}
              onClick={flip}
              data-scheme={colorScheme}
            >
              <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="currentColor">
                <path d="M8 1.5a6.5 6.5 0 100 13 6.5 6.5 0 000-13zm0 1.5a5 5 0 010 10z" fillRule="evenodd" />
              </svg>
            </ActionIcon>
          </Tooltip>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className={styles.main}>
        {children}
      </main>
      <Shortcuts pages={pages} onScheme={flip} />
    </div>
  );
}

/** Is what I see current? The question of every page at 3 a.m. */
function LiveSign() {
  const connection = useSyncExternalStore(connectionStore.watch, connectionStore.get);
  const { data } = useStatus();
  const now = useNow();
  const lag = data === undefined || data.watermark === 0 ? null : Math.max(0, now - data.watermark);
  const from = data?.stats.catchingUpFrom ?? null;
  const read = data === undefined || from === null ? 0 : data.watermark - from;
  const progress = lag === null || read + lag <= 0 ? 0 : Math.floor((100 * read) / (read + lag));
  const word =
    connection === 'lost'
      ? 'Reconnecting'
      : connection === 'connecting'
        ? 'Connecting'
        : lag === null
          ? 'Waiting for data'
          : lag <= 120_000
            ? 'Live'
            : from !== null
              ? `Catching up: ${momentWords(data?.watermark ?? 0, now)}, ${progress} %`
              : `${span(lag)} behind`;
  const tone = word === 'Live' ? 'live' : connection === 'live' ? 'wait' : 'lost';
  const detail =
    data === undefined || lag === null
      ? 'No data yet'
      : `Newest data ${formatClock(data.watermark)}, ${plain(data.stats.pointsPerSecond)} points/s`;
  return (
    <Tooltip label={detail}>
      <span className={styles.live} data-tone={tone} role="status">
        <span className={styles.dot} aria-hidden="true" />
        {word}
        {from !== null && tone === 'wait' && (
          <progress className={styles.catchUp} max={100} value={progress} aria-label="Back-fill" />
        )}
      </span>
    </Tooltip>
  );
}
