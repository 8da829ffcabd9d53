import { useDrift } from '../../api/oversight.ts';
import type { WireDrift } from '../../api/types.ts';
import { percent, plain } from '../../shared/format.ts';
import { Empty, Fetched, Panel, Scroller } from '../../shared/panel.tsx';
import { Chip } from '../../shared/signs.tsx';
import { Ago } from '../../shared/time.tsx';
import styles from './models.module.css';

/** What each test looks at, in words. */
const TESTS: Readonly<Record<WireDrift['items'][number]['kind'], string>> = {
  uniformity: 'share of small p-values',
  adwin: 'change of the mean (ADWIN)',
  'page-hinkley': 'slow shift (Page-Hinkley)',
  ks: 'day against day (KS)',
  psi: 'day against day (PSI)',
};

/** Whether p-values still mean what they say: if not, thresholds are wrong, whatever the models. */
export function Drift() {
  return (
    <Panel title="Drift">
      <Fetched query={useDrift()} what="drift" rows={3}>
        {({ items, classes }) =>
          classes.length === 0 ? (
            <Empty title="Nothing was scored yet">
              As soon as series have a history, their p-values are watched here: one in a hundred should be below 0.01.
            </Empty>
          ) : (
            <Scroller label="Classes of series and their drift">
              <table className={styles.table}>
                <thead>
                  <tr>
                    <th scope="col">Series</th>
                    <th scope="col">p below 0.01</th>
                    <th scope="col">Looked at in a day</th>
                    <th scope="col">Drift</th>
                  </tr>
                </thead>
                <tbody>
                  {classes.map((one) => (
                    <tr key={one.class}>
                      <th scope="row">{one.class}</th>
                      <td>
                        {percent(one.share)}
                        <small>0.5 to 2 % is right</small>
                      </td>
                      <td>
                        {plain(one.values)}
                        {!one.enough && <small>too few to judge</small>}
                      </td>
                      <td className={styles.wide}>
                        <Findings items={items.filter((item) => item.class === one.class)} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroller>
          )
        }
      </Fetched>
    </Panel>
  );
}

function Findings({ items }: { items: WireDrift['items'] }) {
  if (items.length === 0) return <span className="muted">none</span>;
  return (
    <ul className={styles.findings}>
      {items.map((item) => (
        <li key={item.kind}>
          <Chip tone="warning">{TESTS[item.kind]}</Chip> {item.text}
          <small>
            {plain(item.statistic)}, allowed {plain(item.threshold)}; since <Ago at={item.since} />
          </small>
        </li>
      ))}
    </ul>
  );
}
