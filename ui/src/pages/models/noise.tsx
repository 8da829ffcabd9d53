import { useNoise } from '../../api/oversight.ts';
import type { WireNoise } from '../../api/types.ts';
import { percent, plain, span } from '../../shared/format.ts';
import { Empty, Fetched, Panel, Scroller } from '../../shared/panel.tsx';
import styles from './models.module.css';

const GROUPS = [
  ['service', 'Service'],
  ['team', 'Team'],
  ['detector', 'Detector'],
] as const;
const SHOWN = 10;

/** What the pages of the last four weeks were worth. */
export function Noise() {
  return (
    <Panel title="Noise ledger">
      <Fetched query={useNoise()} what="the ledger" rows={4}>
        {(report) =>
          report.total.incidents === 0 ? (
            <Empty title="No incidents in the last four weeks">
              What pages were worth is added up here: how many a week, how many were acknowledged, how many were real.
            </Empty>
          ) : (
            <Scroller label="What pages were worth">
              <table className={styles.table}>
                <thead>
                  <tr>
                    <th scope="col">Last four weeks</th>
                    <th scope="col">Incidents</th>
                    <th scope="col">Pages a week</th>
                    <th scope="col">Acknowledged</th>
                    <th scope="col">Real, by verdict</th>
                  </tr>
                </thead>
                <tbody>
                  <Row row={report.total} name="all" />
                </tbody>
                {GROUPS.map(([key, title]) => (
                  <tbody key={key}>
                    <tr>
                      <th scope="rowgroup" colSpan={5} className={styles.group}>
                        {title}
                      </th>
                    </tr>
                    {report[key].slice(0, SHOWN).map((row) => (
                      <Row key={row.name} row={row} name={row.name === '' ? 'none named' : row.name} />
                    ))}
                  </tbody>
                ))}
              </table>
            </Scroller>
          )
        }
      </Fetched>
    </Panel>
  );
}

function Row({ row, name }: { row: WireNoise['total']; name: string }) {
  const labelled = Object.values(row.verdicts).reduce((sum, n) => sum + n, 0);
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{plain(row.incidents)}</td>
      <td>{plain(row.pagesPerWeek)}</td>
      <td>
        {percent(row.acknowledged)}
        {row.acknowledgedAfter !== null && <small>after {span(row.acknowledgedAfter)}</small>}
      </td>
      <td>
        {percent(row.precision)}
        {row.precision !== null && (
          <small>
            of {labelled}; with 95 % confidence {percent(row.low)} to {percent(row.high)}
          </small>
        )}
      </td>
    </tr>
  );
}
