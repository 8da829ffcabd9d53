import { Button, SegmentedControl, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import { useSeriesSearch, useServices } from '../../api/queries.ts';
import type { WireSeries } from '../../api/types.ts';
import { marksOf, useNames } from '../../shared/names.tsx';
import { Empty, Fetched, PageHead, Panel } from '../../shared/panel.tsx';
import { useSearch } from '../../shared/router.tsx';
import styles from './explore.module.css';
import { SeriesView } from './series-view.tsx';
import { SPANS, useWindow } from './window.ts';

/** Find a series, see it with its band, zoom, follow it live. */
export function ExplorePage() {
  const search = useSearch();
  const service = search.get('service');
  const query = search.get('q');
  const chosen = search.get('series');
  const [text, type] = useState(query);
  const services = useServices();
  const { short } = useNames();
  const found = useSeriesSearch({ text: query, service: service === '' ? undefined : service, limit: 200 });
  const put = useDebouncedCallback((value: string) => search.set({ q: value }), 200);
  const view = useWindow(search);
  const first = found.data?.items[0]?.id;

  // Back and forward change the URL without typing.
  useEffect(() => type(query), [query]);

  return (
    <>
      <PageHead title="Explore">
        <SegmentedControl
          size="xs"
          aria-label="Time range"
          value={view.custom ? 'custom' : view.span}
          onChange={(span) => span !== 'custom' && search.set({ span, from: null, to: null }, { push: true })}
          data={[
            ...Object.keys(SPANS).map((span) => ({ value: span, label: span })),
            ...(view.custom ? [{ value: 'custom', label: 'custom' }] : []),
          ]}
        />
        {view.custom && (
          <>
            <Button size="xs" variant="default" onClick={view.zoomOut}>
              Zoom out
            </Button>
            <Button size="xs" variant="default" onClick={() => search.set({ from: null, to: null }, { push: true })}>
              Back to live
            </Button>
          </>
        )}
      </PageHead>
      <div className={styles.columns}>
        <Panel>
          <TextInput
            type="search"
            aria-label="Find a series"
            placeholder="Service, metric or label   /"
            value={text}
            data-search
            onChange={(event) => {
              type(event.currentTarget.value);
              put(event.currentTarget.value);
            }}
          />
          <div className={styles.services}>
            {(services.data?.items ?? []).map((item) => (
              <button
                key={item.service}
                type="button"
                aria-pressed={item.service === service}
                onClick={() => search.set({ service: item.service === service ? null : item.service }, { push: true })}
              >
                {short(item.service)}
              </button>
            ))}
          </div>
          <Fetched query={found} what="the series" rows={10}>
            {({ items }) => (
              <Results
                items={items}
                chosen={chosen === '' ? (first ?? '') : chosen}
                choose={(id) => search.set({ series: id, why: null }, { push: true })}
              />
            )}
          </Fetched>
        </Panel>
        <div className={styles.view}>
          {chosen === '' && first === undefined ? (
            <Panel>
              <Empty title={found.isPending ? 'Looking for series' : 'No series to show'}>
                Choose a series on the left.
              </Empty>
            </Panel>
          ) : (
            <SeriesView id={chosen === '' ? (first ?? '') : chosen} view={view} search={search} />
          )}
        </div>
      </div>
    </>
  );
}

function Results({
  items,
  chosen,
  choose,
}: {
  items: readonly WireSeries[];
  chosen: string;
  choose: (id: string) => void;
}) {
  const { short, words } = useNames();
  if (items.length === 0)
    return <Empty title="Nothing matches">Words are matched against service, metric and labels; try fewer.</Empty>;
  return (
    <>
      <p className={styles.count} role="status">
        {items.length === 200 ? 'First 200 series' : `${items.length} series`}
      </p>
      <ul className={styles.results} aria-label="Series">
        {items.map((series) => (
          <li key={series.id}>
            <button type="button" data-item aria-current={series.id === chosen} onClick={() => choose(series.id)}>
              <span className="mono">{series.metric}</span>
              <span className={styles.where}>
                {[short(series.service), ...marksOf(series).map((mark) => words(mark))].join(' · ')}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
