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

/** Nothing to show, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>{title}</p>
      {children !== undefined && <p>{children}</p>}
    </div>
  );
}

export function Failure({ error, retry, what }: { error: unknown; retry?: () => void; what: string }) {
  const missing = error instanceof ApiError && error.status === 404;
  const detail = error instanceof Error ? error.message : String(error);
  return (
    <div className={styles.empty} role="alert">
      <p className={styles.emptyTitle}>{missing ? `No such ${what}` : `Could not load ${what}`}</p>
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

/** The three states of everything that is fetched. */
export function Fetched<T>({
  query,
  what,
  rows,
  children,
}: {
  query: Loaded<T>;
  what: string;
  rows?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error !== null && query.error !== undefined)
    return <Failure error={query.error} what={what} retry={() => void query.refetch()} />;
  return <Loading label={what} {...(rows === undefined ? {} : { rows })} />;
}
