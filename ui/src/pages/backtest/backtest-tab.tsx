import type { Head } from '../alerting/alerting-page.tsx';

export function BacktestTab({ head }: { head: Head; job: string | undefined }) {
  return <>{head()}</>;
}
