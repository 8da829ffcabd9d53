import type { ReactNode } from 'react';
import { Link } from './router.tsx';
import styles from './tabs.module.css';

export interface Tab {
  readonly to: string;
  readonly name: string;
  readonly current: boolean;
  /** A small number behind the name. */
  readonly count?: number | undefined;
}

/** The parts of a section, each at its own address. */
export function Tabs({ label, tabs, children }: { label: string; tabs: readonly Tab[]; children?: ReactNode }) {
  return (
    <div className={styles.bar}>
      <nav aria-label={label} className={styles.tabs}>
        {tabs.map(({ to, name, current, count }) => (
          <Link key={to} to={to} className={styles.tab} aria-current={current ? 'page' : undefined}>
            {name}
            {count !== undefined && count > 0 && <span className={styles.count}>{count}</span>}
          </Link>
        ))}
      </nav>
      {children}
    </div>
  );
}
