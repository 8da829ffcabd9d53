import { Button, PasswordInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { lazy, Suspense, useEffect, useState } from 'react';
import { ApiError, setToken } from './api/client.ts';
import { useStatus } from './api/queries.ts';
import { OverviewPage } from './pages/overview/overview-page.tsx';
import { Empty, Loading, Panel } from './shared/panel.tsx';
import { usePath } from './shared/router.tsx';
import { Shell } from './shared/shell.tsx';

const IncidentsPage = lazy(async () => ({
  default: (await import('./pages/incidents/incidents-page.tsx')).IncidentsPage,
}));
const IncidentPage = lazy(async () => ({ default: (await import('./pages/incident/incident-page.tsx')).IncidentPage }));
const ExplorePage = lazy(async () => ({ default: (await import('./pages/explore/explore-page.tsx')).ExplorePage }));
const ServicesPage = lazy(async () => ({ default: (await import('./pages/services/services-page.tsx')).ServicesPage }));
const ServicePage = lazy(async () => ({ default: (await import('./pages/services/service-page.tsx')).ServicePage }));
const StatusPage = lazy(async () => ({ default: (await import('./pages/settings/status-page.tsx')).StatusPage }));

export function App() {
  const { error } = useStatus();
  const locked = error instanceof ApiError && error.status === 401;
  return (
    <Shell>
      <Suspense fallback={<Loading label="the page" rows={6} height={28} />}>{locked ? <SignIn /> : <Page />}</Suspense>
    </Shell>
  );
}

function Page() {
  const [section = '', id, rest] = usePath();
  const [title, page] = rest === undefined ? pageAt(section, id) : NOWHERE;
  useEffect(() => {
    document.title = title === '' ? 'Tocsin' : `${title} · Tocsin`;
  }, [title]);
  return page;
}

const NOWHERE: readonly [string, ReactNode] = [
  'Not found',
  <Panel key="nowhere">
    <Empty title="There is no such page" page>
      The pages are at the top; press ? for the keyboard.
    </Empty>
  </Panel>,
];

function pageAt(section: string, id: string | undefined): readonly [string, ReactNode] {
  if (id !== undefined) {
    if (section === 'incidents') return ['Incident', <IncidentPage key={id} id={id} />];
    if (section === 'services') return [id, <ServicePage key={id} name={id} />];
    return NOWHERE;
  }
  if (section === '') return ['Overview', <OverviewPage key="overview" />];
  if (section === 'incidents') return ['Incidents', <IncidentsPage key="incidents" />];
  if (section === 'explore') return ['Explore', <ExplorePage key="explore" />];
  if (section === 'services') return ['Services', <ServicesPage key="services" />];
  if (section === 'status') return ['Status', <StatusPage key="status" />];
  return NOWHERE;
}

function SignIn() {
  const [token, type] = useState('');
  const client = useQueryClient();
  return (
    <Panel title="This Tocsin asks for a token">
      <form
        style={{ display: 'grid', gap: 12, maxWidth: 420 }}
        onSubmit={(event) => {
          event.preventDefault();
          setToken(token);
          void client.resetQueries();
        }}
      >
        <PasswordInput
          label="Token"
          description="One of auth.tokens in the configuration; kept until this tab closes."
          value={token}
          onChange={(event) => type(event.currentTarget.value)}
        />
        <Button type="submit" disabled={token === ''}>
          Open
        </Button>
      </form>
    </Panel>
  );
}
