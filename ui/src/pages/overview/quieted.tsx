import type { ReactNode } from 'react';
import { useMaintenance, useSilences } from '../../api/alerting.ts';
import { plural } from '../../shared/format.ts';
import { href, Link } from '../../shared/router.tsx';
import styles from './overview.module.css';

/** What keeps quiet now: at a glance, so that nobody takes muted for well. */
export function Quieted() {
  const silences = useSilences();
  const windows = useMaintenance();
  const active = silences.data?.items.filter(({ status }) => status === 'active').length ?? 0;
  const on = windows.data?.items.filter((window) => window.active).length ?? 0;
  const parts: ReactNode[] = [];
  if (active > 0)
    parts.push(
      <Link key="silences" to={href('alerting/silences', { state: 'active' })}>
        {plural(active, 'silence')}
      </Link>,
    );
  if (on > 0)
    parts.push(
      <Link key="windows" to={href('alerting/maintenance')}>
        {plural(on, 'maintenance window')}
      </Link>,
    );
  if (parts.length === 0) return null;
  return (
    <p className={styles.quieted}>
      {parts[0]}
      {parts.length > 1 && ' and '}
      {parts[1]} in force
    </p>
  );
}
