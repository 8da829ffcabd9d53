import { Button, Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiError } from '../api/client.ts';
import styles from './panel.module.css';
import { href, Link } from './router.tsx';

export function Panel({
  title,
  aside,
  children,
  flush = false,
}: {
  title?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  flush?: boolean;
}) {
  return (
    <section className={styles.panel}>
      {title !== undefined && (
        <header className={styles.head}>
          <h2 className={styles.title}>{title}</h2>
          {aside !== undefined && <div className={styles.aside}>{aside}</div>}
        </header>
      )}
      <div className={flush ? styles.flush : styles.body}>{children}</div>
    </section>
  );
}

export function PageHead({ title, children, lead }: { title: ReactNode; children?: ReactNode; lead?: ReactNode }) {
  return (
    <div className={styles.pageHead}>
      <div>
        <h1 className={styles.pageTitle}>{title}</h1>
        {lead !== undefined && <p className={styles.lead}>{lead}</p>}
      </div>
      {children !== undefined && <div className={styles.tools}>{children}</div>}
    </div>
  );
}

/** What may be wider than its place; reachable by keyboard, so that it can be scrolled without a mouse. */
export function Scroller({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className={styles.scroller} aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

/** Nothing to show, and what to do about it. */
export function Empty({ title, children, page = false }: { title: string; children?: ReactNode; page?: boolean }) {
  const Title = page ? 'h1' : 'p';
  return (
    <div className={styles.empty}>
      <Title className={styles.emptyTitle}>{title}</Title>
      {children !== undefined && <p>{children}</p>}
    </div>
  );
}

export function Failure({
  error,
  retry,
  what,
  page = false,
}: {
  error: unknown;
  retry?: () => void;
  what: string;
  page?: boolean;
}) {
  const Title = page ? 'h1' : 'p';
  const missing = error instanceof ApiError && error.status === 404;
  const detail = error instanceof Error ? error.message : String(error);
  return (
    <div className={styles.empty} role="alert">
      <Title className={styles.emptyTitle}>
        {!missing
          ? `Could not load ${what}`
          : what.startsWith('the ')
            ? `This Tocsin has not got ${what}`
            : `No such ${what}`}
      </Title>
      <p>{detail}</p>
      <div className={styles.actions}>
        {!missing && retry !== undefined && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
        {missing && <Link to={href('')}>Back to the overview</Link>}
      </div>
    </div>
  );
}

export function Loading({ rows = 3, height = 18, label }: { rows?: number; height?: number; label: string }) {
  return (
    <div className={styles.loading} role="status">
      <span className="visually-hidden">Loading {label}</span>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bars without content never move
        <Skeleton key={index} height={height} width={index === rows - 1 ? '62%' : '100%'} radius="sm" />
      ))}
    </div>
  );
}

interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly refetch: () => unknown;
}

interface FetchedProps<T> {
  readonly query: Loaded<T>;
  readonly what: string;
  readonly rows?: number;
  /** It is the whole page: a failure is its headline. */
  readonly page?: boolean;
  readonly children: (data: T) => ReactNode;
}

/** The three states of everything that is fetched. */
export function Fetched<T>({ query, what, rows, page = false, children }: FetchedProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error !== null && query.error !== undefined) {
    return <Failure error={query.error} what={what} page={page} retry={() => void query.refetch()} />;
  }
  return <Loading label={what} {...(rows === undefined ? {} : { rows })} />;
}
