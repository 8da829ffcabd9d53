import type { ReactNode } from 'react';
import { lazy, useEffect } from 'react';
import { useMaintenance, useSilences } from '../../api/alerting.ts';
import { Empty, PageHead, Panel } from '../../shared/panel.tsx';
import { href } from '../../shared/router.tsx';
import { Tabs } from '../../shared/tabs.tsx';
import { AuditTab } from './audit/audit-tab.tsx';
import { BudgetTab } from './budget/budget-tab.tsx';
import { MaintenanceTab } from './maintenance/maintenance-tab.tsx';
import { RoutesTab } from './routes/routes-tab.tsx';
import { SilencesTab } from './silences/silences-tab.tsx';

const BacktestTab = lazy(async () => ({ default: (await import('../backtest/backtest-tab.tsx')).BacktestTab }));

/** The parts of the section: path, name, and what they are for. */
const TABS: readonly (readonly [path: string, name: string, lead: string])[] = [
  ['silences', 'Silences', 'Mute incidents for a while: nobody is told, the page still shows them'],
  ['maintenance', 'Maintenance', 'Announced work, once or recurring: what it covers is not told'],
  ['routes', 'Routes', 'Who is told what, as configured'],
  ['budget', 'Budget', 'How often each team may be paged, and what was held back'],
  ['backtest', 'Backtest', 'What another configuration would have done with what really happened'],
  ['audit', 'Audit log', 'Who changed what, and from where'],
];

/** From "an incident exists" to "the right person is told once". */
export function AlertingPage({ tab, item }: { tab: string; item: string | undefined }) {
  const [path, name, lead] = TABS.find(([own]) => own === tab) ?? (tab === '' ? TABS[0] : undefined) ?? [];
  const silences = useSilences();
  const maintenance = useMaintenance();
  const counts: Readonly<Record<string, number | undefined>> = {
    silences: silences.data?.items.filter(({ status }) => status === 'active').length,
    maintenance: maintenance.data?.items.filter(({ active }) => active).length,
  };
  useEffect(() => {
    if (name !== undefined) document.title = `${name} · Tocsin`;
  }, [name]);
  if (path === undefined || name === undefined || (item !== undefined && path !== 'backtest'))
    return (
      <Panel>
        <Empty title="There is no such page" page>
          The parts of alerting are silences, maintenance, routes, budget, backtest and the audit log.
        </Empty>
      </Panel>
    );
  return (
    <>
      <Tabs
        label="Alerting"
        tabs={TABS.map(([own, title]) => ({
          to: href(`alerting/${own}`),
          name: title,
          current: own === path,
          count: counts[own],
        }))}
      />
      <Part
        path={path}
        head={(tools) => (
          <PageHead title={name} lead={lead}>
            {tools}
          </PageHead>
        )}
        item={item}
      />
    </>
  );
}

/** Draws the head of a part, with its own buttons. */
export type Head = (tools?: ReactNode) => ReactNode;

function Part({ path, head, item }: { path: string; head: Head; item: string | undefined }) {
  switch (path) {
    case 'maintenance':
      return <MaintenanceTab head={head} />;
    case 'routes':
      return <RoutesTab head={head} />;
    case 'budget':
      return <BudgetTab head={head} />;
    case 'backtest':
      return <BacktestTab head={head} job={item} />;
    case 'audit':
      return <AuditTab head={head} />;
    default:
      return <SilencesTab head={head} />;
  }
}
