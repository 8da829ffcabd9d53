import { Button, SegmentedControl, Select } from '@mantine/core';
import { useIncidents, useServices } from '../../api/queries.ts';
import type { WireIncidentSummary } from '../../api/types.ts';
import { useNames } from '../../shared/names.tsx';
import { Empty, Fetched, PageHead, Panel } from '../../shared/panel.tsx';
import { useSearch } from '../../shared/router.tsx';
import { useNow } from '../../shared/time.tsx';
import { IncidentRow } from './incident-row.tsx';
import styles from './incidents.module.css';

const DAY = 86_400_000;
const SPANS: Readonly<Record<string, { readonly label: string; readonly days: number }>> = {
  '1d': { label: 'Last day', days: 1 },
  '7d': { label: 'Last week', days: 7 },
  '30d': { label: 'Last 30 days', days: 30 },
};

const dayOf = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

/** What is open first, then by day; the first of each group carries its name. */
function grouped(
  items: readonly WireIncidentSummary[],
  now: number,
): readonly { readonly incident: WireIncidentSummary; readonly day: string | undefined }[] {
  const [today, yesterday] = [dayOf.format(now), dayOf.format(now - DAY)];
  const nameOf = ({ status, onset }: WireIncidentSummary): string => {
    if (status === 'open') return 'Open now';
    const day = dayOf.format(onset);
    return day === today ? 'Today' : day === yesterday ? 'Yesterday' : day;
  };
  const ordered = [
    ...items.filter(({ status }) => status === 'open'),
    ...items.filter(({ status }) => status === 'closed').toSorted((a, b) => b.onset - a.onset),
  ];
  return ordered.map((incident, index) => {
    const before = ordered[index - 1];
    const name = nameOf(incident);
    return { incident, day: before === undefined || nameOf(before) !== name ? name : undefined };
  });
}

/** The list; its filters live in the URL, so that a view can be sent to somebody. */
export function IncidentsPage() {
  const search = useSearch();
  const services = useServices();
  const { short } = useNames();
  const now = useNow(60_000);
  const [status, service, since] = [search.get('status'), search.get('service'), search.get('since')];
  const days = SPANS[since]?.days;
  const incidents = useIncidents({
    limit: 25,
    status: status === '' ? undefined : status,
    service: service === '' ? undefined : service,
    from: days === undefined ? undefined : Math.floor(now / 60_000) * 60_000 - days * DAY,
  });
  const filtered = status !== '' || service !== '' || since !== '';
  return (
    <>
      <PageHead title="Incidents">
        <SegmentedControl
          size="xs"
          aria-label="Status"
          value={status === '' ? 'all' : status}
          onChange={(value) => search.set({ status: value === 'all' ? null : value }, { push: true })}
          data={[
            { value: 'all', label: 'All' },
            { value: 'open', label: 'Open' },
            { value: 'closed', label: 'Closed' },
          ]}
        />
        <Select
          size="xs"
          w={170}
          aria-label="Service"
          placeholder="Any service"
          data={
            services.data?.items
              .map(({ service: name }) => ({ value: name, label: short(name) }))
              .toSorted((a, b) => (a.label < b.label ? -1 : 1)) ?? []
          }
          value={service === '' ? null : service}
          onChange={(value) => search.set({ service: value }, { push: true })}
          searchable
          clearable
          clearButtonProps={{ 'aria-label': 'Any service' }}
          data-search
        />
        <Select
          size="xs"
          w={140}
          aria-label="Since"
          placeholder="Any time"
          data={Object.entries(SPANS).map(([value, { label }]) => ({ value, label }))}
          value={since === '' ? null : since}
          onChange={(value) => search.set({ since: value }, { push: true })}
          clearable
          clearButtonProps={{ 'aria-label': 'Any time' }}
        />
      </PageHead>
      <Panel flush>
        <Fetched query={incidents} what="the incidents" rows={8}>
          {({ pages }) => {
            const items = pages.flatMap((page) => page.items);
            if (items.length === 0) {
              return filtered ? (
                <Empty title="No incident matches">
                  Take away a filter, or{' '}
                  <Button
                    size="compact-xs"
                    variant="default"
                    onClick={() => search.set({ status: null, service: null, since: null }, { push: true })}
                  >
                    show all
                  </Button>
                </Empty>
              ) : (
                <Empty title="No incidents yet">
                  When a service leaves its normal range for long enough to matter, its story appears here.
                </Empty>
              );
            }
            return (
              <>
                <ul aria-label="Incidents" className={styles.list}>
                  {grouped(items, now).map(({ incident, day }) => (
                    <IncidentRow key={incident.id} incident={incident} day={day} />
                  ))}
                </ul>
                {incidents.hasNextPage && (
                  <div className={styles.more}>
                    <Button
                      variant="default"
                      size="xs"
                      loading={incidents.isFetchingNextPage}
                      onClick={() => void incidents.fetchNextPage()}
                    >
                      Older incidents
                    </Button>
                  </div>
                )}
              </>
            );
          }}
        </Fetched>
      </Panel>
    </>
  );
}
