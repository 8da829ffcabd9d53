import type { WireRouting, WireRoutingTest } from '../../../api/types.ts';
import { percent, span } from '../../../shared/format.ts';
import { Scroller } from '../../../shared/panel.tsx';
import { Chip } from '../../../shared/signs.tsx';
import { MatcherChips } from '../matcher-chips.tsx';
import styles from './routes.module.css';

type Node = WireRouting['root'];

interface TreeProps {
  readonly root: Node;
  readonly receivers: WireRouting['receivers'];
  readonly test: WireRoutingTest | null;
}

/** Nested as in the configuration; the nodes that take the tested labels are marked. */
export function RouteTree({ root, receivers, test }: TreeProps) {
  return (
    <Scroller label="Routing tree">
      <ul className={styles.tree}>
        <Branch node={root} parent={null} receivers={receivers} test={test} />
      </ul>
    </Scroller>
  );
}

function Branch({
  node,
  parent,
  receivers,
  test,
}: {
  node: Node;
  parent: Node | null;
  receivers: WireRouting['receivers'];
  test: WireRoutingTest | null;
}) {
  const taken = test?.matches.find(({ route }) => route === node.id);
  const inherits = parent !== null && node.receivers.join() === parent.receivers.join();
  return (
    <li>
      <div className={styles.node} data-taken={taken !== undefined} data-dim={test !== null && taken === undefined}>
        <span className={styles.line}>
          {parent === null ? <b>Everything</b> : <MatcherChips matchers={node.matchers} none="anything" wide={false} />}
          <span className={styles.arrow} aria-hidden="true">
            →
          </span>
          <span className="visually-hidden">goes to</span>
          {node.receivers.length === 0 ? (
            <span className="muted">this page only</span>
          ) : (
            node.receivers.map((name) => (
              <span key={name} className={styles.to} title={inherits ? 'Inherited' : undefined}>
                {name}
                <small>{receivers.find((receiver) => receiver.name === name)?.types.join(', ')}</small>
              </span>
            ))
          )}
          {node.continue && <Chip title="Its siblings below are tried as well">continue</Chip>}
          {node.mutedNow !== null && <Chip tone="warning">{node.mutedNow.replace(/^muted/, 'muted now')}</Chip>}
          {taken !== undefined && (
            <Chip tone="accent">
              {taken.heldBy === null ? 'takes these labels' : 'takes these labels, tells nobody'}
            </Chip>
          )}
        </span>
        <span className={styles.detail}>{detailsOf(node, parent).join(' · ')}</span>
      </div>
      {node.routes.length > 0 && (
        <ul>
          {node.routes.map((child) => (
            <Branch key={child.id} node={child} parent={node} receivers={receivers} test={test} />
          ))}
        </ul>
      )}
    </li>
  );
}

/** What differs from the parent; at the root, all of it. */
function detailsOf(node: Node, parent: Node | null): string[] {
  const differs = <K extends keyof Node>(key: K): boolean =>
    parent === null || JSON.stringify(node[key]) !== JSON.stringify(parent[key]);
  const details: string[] = [];
  if (differs('minSeverity') && node.minSeverity !== 'info') details.push(`${node.minSeverity} or worse`);
  if (differs('minConfidence') && node.minConfidence > 0)
    details.push(`confidence ${percent(node.minConfidence)} or more`);
  if (node.muteTimeIntervals.length > 0) details.push(`quiet during ${node.muteTimeIntervals.join(', ')}`);
  if (node.activeTimeIntervals.length > 0) details.push(`only during ${node.activeTimeIntervals.join(', ')}`);
  if (differs('groupBy'))
    details.push(node.groupBy.includes('...') ? 'each incident by itself' : `grouped by ${node.groupBy.join(', ')}`);
  if (differs('groupWait') && node.groupWait > 0) details.push(`waits ${span(node.groupWait)} for more`);
  if (differs('groupInterval') && node.groupInterval > 0) details.push(`news every ${span(node.groupInterval)}`);
  if (differs('repeatInterval')) details.push(`again after ${span(node.repeatInterval)}`);
  return details;
}
