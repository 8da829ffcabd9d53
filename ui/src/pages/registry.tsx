import type { ReactNode } from 'react';
import { lazy } from 'react';
import { OverviewPage } from './overview/overview-page.tsx';

const AlertingPage = lazy(async () => ({ default: (await import('./alerting/alerting-page.tsx')).AlertingPage }));
const ExplorePage = lazy(async () => ({ default: (await import('./explore/explore-page.tsx')).ExplorePage }));
const IncidentPage = lazy(async () => ({ default: (await import('./incident/incident-page.tsx')).IncidentPage }));
const IncidentsPage = lazy(async () => ({ default: (await import('./incidents/incidents-page.tsx')).IncidentsPage }));
const ModelsPage = lazy(async () => ({ default: (await import('./models/models-page.tsx')).ModelsPage }));
const ServicePage = lazy(async () => ({ default: (await import('./services/service-page.tsx')).ServicePage }));
const ServicesPage = lazy(async () => ({ default: (await import('./services/services-page.tsx')).ServicesPage }));
const StatusPage = lazy(async () => ({ default: (await import('./settings/status-page.tsx')).StatusPage }));

/** What the document is called, and what is shown. */
export type View = readonly [title: string, page: ReactNode];

/** A page: its place in the bar, its key after `g`, and what it shows for the path below its own. */
export interface PageEntry {
  /** First segment of the path; empty: the root. */
  readonly path: string;
  readonly name: string;
  readonly key: string;
  /** Strokes on a 16 by 16 grid. */
  readonly icon: ReactNode;
  /** Null: there is no such page. */
  readonly view: (below: readonly string[]) => View | null;
}

const alone =
  (title: string, page: ReactNode) =>
  (below: readonly string[]): View | null =>
    below.length === 0 ? [title, page] : null;

/** A page of one thing below the list of them. */
const listed =
  (title: string, list: ReactNode, one: (id: string) => View) =>
  (below: readonly string[]): View | null => {
    const [id] = below;
    if (id === undefined) return [title, list];
    return below.length === 1 ? one(id) : null;
  };

/** All pages, in the order of the bar: a new one is a line here. */
export const PAGES: readonly PageEntry[] = [
  {
    path: '',
    name: 'Overview',
    key: 'o',
    icon: <path d="M2 9h3l2-5 3 8 2-3h2" />,
    view: alone('Overview', <OverviewPage key="overview" />),
  },
  {
    path: 'incidents',
    name: 'Incidents',
    key: 'i',
    icon: <path d="M8 2l6.5 11.5h-13zM8 6.5v3M8 11.5v.2" />,
    view: listed('Incidents', <IncidentsPage key="incidents" />, (id) => [
      'Incident',
      <IncidentPage key={id} id={id} />,
    ]),
  },
  {
    path: 'explore',
    name: 'Explore',
    key: 'e',
    icon: <path d="M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.5 10.5L14 14" />,
    view: alone('Explore', <ExplorePage key="explore" />),
  },
  {
    path: 'services',
    name: 'Services',
    key: 's',
    icon: (
      <path d="M8 2.2a1.8 1.8 0 100 3.6 1.8 1.8 0 000-3.6zM3.5 10.2a1.8 1.8 0 100 3.6 1.8 1.8 0 000-3.6zM12.5 10.2a1.8 1.8 0 100 3.6 1.8 1.8 0 000-3.6zM7 5.6l-2.5 4.7M9 5.6l2.5 4.7" />
    ),
    view: listed('Services', <ServicesPage key="services" />, (name) => [name, <ServicePage key={name} name={name} />]),
  },
  {
    path: 'alerting',
    name: 'Alerting',
    key: 'a',
    icon: <path d="M8 2a4 4 0 014 4v3l1.5 2.5h-11L4 9V6a4 4 0 014-4zM6.5 13.6a1.6 1.6 0 003 0" />,
    view: (below) =>
      below.length <= 2 ? ['Alerting', <AlertingPage key="alerting" tab={below[0] ?? ''} item={below[1]} />] : null,
  },
  {
    path: 'models',
    name: 'Models',
    key: 'm',
    icon: <path d="M8 1.8l5.5 3v6.4l-5.5 3-5.5-3V4.8zM8 8v6M8 8l5.3-3M8 8L2.7 5" />,
    view: alone('Models', <ModelsPage key="models" />),
  },
  {
    path: 'status',
    name: 'Status',
    key: 't',
    icon: <path d="M3 13V9M8 13V3M13 13V6.5" />,
    view: alone('Status', <StatusPage key="status" />),
  },
];
