import { SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useGraph } from '../../api/queries.ts';
import type { WireGraph } from '../../api/types.ts';
import { measure, plural, pValue } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { Empty, Fetched, PageHead, Panel, Scroller } from '../../shared/panel.tsx';
import { href, Link, useSearch } from '../../shared/router.tsx';
import { STATE_ORDER, StateSign } from '../../shared/signs.tsx';
import { Ago } from '../../shared/time.tsx';
import { ServiceGraph } from './graph.tsx';
import styles from './services.module.css';

/** The system as a graph, or as a list. */
export function ServicesPage() {
  const search = useSearch();
  const graph = useGraph();
  const phone = useMediaQuery('(max-width: 700px)', false, { getInitialValueInEffect: false });
  const view = search.get('view') === '' ? (phone ? 'list' : 'graph') : search.get('view');
  return (
    <>
      <PageHead
        title="Services"
        lead={
          graph.data === undefined
            ? undefined
            : `${plural(graph.data.services.length, 'service')}, ${plural(graph.data.edges.length, 'call path')} learnt from spans`
        }
      >
        <SegmentedControl
          size="xs"
          aria-label="View"
          value={view}
          onChange={(value) => search.set({ view: value }, { push: true })}
          data={[
            { value: 'graph', label: 'Graph' },
            { value: 'list', label: 'List' },
          ]}
        />
      </PageHead>
      <Panel>
        <Fetched query={graph} what="the services" rows={8}>
          {(data) =>
            data.services.length === 0 ? (
              <Empty title="No services yet">
                Send telemetry with service.name and they appear here; calls between them are learnt from spans.
              </Empty>
            ) : view === 'list' ? (
              <ServiceTable graph={data} />
            ) : (
              <>
                <ServiceGraph graph={data} />
                <ul className={styles.legend} aria-label="Legend">
                  {STATE_ORDER.map((state) => (
                    <li key={state}>
                      <StateSign state={state} />
                    </li>
                  ))}
                </ul>
                {data.edges.length === 0 && (
                  <p className="muted">No calls seen: send spans of kind client and server, and the lines appear.</p>
                )}
              </>
            )
          }
        </Fetched>
      </Panel>
    </>
  );
}

function ServiceTable({ graph }: { graph: WireGraph }) {
  const { short } = useNames();
  const ordered = graph.services.toSorted(
    (a, b) => STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state) || a.service.localeCompare(b.service),
  );
  return (
    <Scroller label="All services">
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">State</th>
            <th scope="col">p</th>
            <th scope="col">Calls in</th>
            <th scope="col">Series</th>
            <th scope="col">Version</th>
            <th scope="col">Last data</th>
          </tr>
        </thead>
        <tbody>
          {ordered.map((service) => {
            const calls = graph.edges
              .filter(({ callee }) => callee === service.service)
              .reduce((sum, edge) => sum + (edge.callsPerSecond ?? 0), 0);
            return (
              <tr key={service.service}>
                <th scope="row">
                  <Link to={href(`services/${encodeURIComponent(service.service)}`)} data-item>
                    {short(service.service)}
                  </Link>
                </th>
                <td>
                  <StateSign state={service.state} />
                </td>
                <td>{pValue(service.p)}</td>
                <td>{calls === 0 ? 'none seen' : measure(calls, '1/s')}</td>
                <td>{service.series}</td>
                <td className="mono">{service.version}</td>
                <td>
                  <Ago at={service.lastSeen} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroller>
  );
}
