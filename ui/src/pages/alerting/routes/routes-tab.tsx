import { usePolicies, useRouting } from '../../../api/alerting.ts';
import { useStatus } from '../../../api/queries.ts';
import type { WireRouting } from '../../../api/types.ts';
import { textOf } from '../../../shared/matchers.ts';
import { Empty, Fetched, Panel } from '../../../shared/panel.tsx';
import { useSearch } from '../../../shared/router.tsx';
import { Chip } from '../../../shared/signs.tsx';
import { Ago } from '../../../shared/time.tsx';
import type { Head } from '../alerting-page.tsx';
import { MatcherChips } from '../matcher-chips.tsx';
import { intervalWords } from './interval-words.ts';
import { LabelTest, useTested } from './label-test.tsx';
import { RouteTree } from './route-tree.tsx';
import styles from './routes.module.css';

/** The tree as configured, where given labels go in it, and what it refers to. */
export function RoutesTab({ head }: { head: Head }) {
  const search = useSearch();
  const routing = useRouting();
  const policies = usePolicies();
  const tested = useTested(search.get('labels'));
  return (
    <>
      {head()}
      <div className={styles.columns}>
        <div className={styles.stack}>
          <Panel title="Routing tree" aside="the first child that matches takes it; without one, the node itself">
            <Fetched query={routing} what="the routes" rows={6}>
              {({ root, receivers }) => (
                <>
                  <RouteTree root={root} receivers={receivers} test={tested.test} />
                  {receivers.length === 0 && (
                    <Empty title="No receivers yet">
                      Incidents show on this page only. Add receivers and a route to the configuration file, then see
                      here who is told what.
                    </Empty>
                  )}
                </>
              )}
            </Fetched>
          </Panel>
          <Panel title="Policies" aside="of each setting, the first that matches says it">
            <Fetched query={policies} what="the policies">
              {({ items }) =>
                items.length === 0 ? (
                  <p className="muted">
                    None are configured: every series and service is judged alike. A policy says which deviations count,
                    how long trouble must last, and what a deploy may disturb.
                  </p>
                ) : (
                  <ol className={styles.policies}>
                    {items.map(({ name, matchers, settings }) => (
                      <li key={name}>
                        <span className={styles.line}>
                          <b>{name}</b> <MatcherChips matchers={matchers} none="everything" wide={false} />
                        </span>
                        <ul className={styles.settings}>
                          {settings.map(({ key, value }) => (
                            <li key={key}>
                              <span className="muted">{key}</span> {value}
                            </li>
                          ))}
                        </ul>
                      </li>
                    ))}
                  </ol>
                )
              }
            </Fetched>
          </Panel>
        </div>
        <div className={styles.stack}>
          <LabelTest search={search} tested={tested} />
          <Panel title="Receivers">
            <Fetched query={routing} what="the receivers">
              {(data) => <Receivers routing={data} />}
            </Fetched>
          </Panel>
          <Panel title="Time intervals">
            <Fetched query={routing} what="the time intervals">
              {({ intervals }) =>
                intervals.length === 0 ? (
                  <p className="muted">None are configured: routes tell at any time.</p>
                ) : (
                  <ul className={styles.items}>
                    {intervals.map((interval) => (
                      <li key={interval.name}>
                        <b>{interval.name}</b> {interval.on && <Chip tone="accent">on now</Chip>}
                        <ul className={styles.words}>
                          {interval.entries.map((entry) => (
                            <li key={JSON.stringify(entry)}>{intervalWords(entry)}</li>
                          ))}
                        </ul>
                      </li>
                    ))}
                  </ul>
                )
              }
            </Fetched>
          </Panel>
          <Panel title="Inhibition">
            <Fetched query={routing} what="the inhibition rules">
              {({ inhibitRules }) => (
                <ul className={styles.items}>
                  <li className="muted">
                    By topology, always: an incident that is only the effect of another open one is not told.
                  </li>
                  {inhibitRules.map((rule) => (
                    <li key={textOf([...rule.source, ...rule.target])}>
                      While <MatcherChips matchers={rule.source} none="anything" wide={false} /> is open,{' '}
                      <MatcherChips matchers={rule.target} none="everything" wide={false} /> is muted
                      {rule.equal.length > 0 && <> where {rule.equal.join(', ')} is the same</>}.
                    </li>
                  ))}
                </ul>
              )}
            </Fetched>
          </Panel>
        </div>
      </div>
    </>
  );
}

/** Each with what it consists of, and how its deliveries go. */
function Receivers({ routing }: { routing: WireRouting }) {
  const status = useStatus();
  if (routing.receivers.length === 0) return <p className="muted">None are configured.</p>;
  return (
    <ul className={styles.items}>
      {routing.receivers.map(({ name, types }) => {
        const sent = status.data?.receivers.find(({ receiver }) => receiver === name);
        return (
          <li key={name} className={styles.receiver}>
            <span>
              <b>{name}</b> <span className="muted">{types.join(', ')}</span>
            </span>
            <span className="muted">
              {sent === undefined ? (
                'nothing sent yet'
              ) : sent.lastSentAt === null ? (
                'nothing delivered'
              ) : (
                <>
                  last sent <Ago at={sent.lastSentAt} />
                </>
              )}
              {sent !== undefined && sent.pending > 0 && (
                <span className={styles.warn}>
                  , {sent.pending} waiting{sent.lastError !== '' && `: ${sent.lastError}`}
                </span>
              )}
              {sent !== undefined && sent.refused > 0 && <span className={styles.warn}>, {sent.refused} refused</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
