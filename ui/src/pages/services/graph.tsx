import { useMemo } from 'react';
import type { WireEdge, WireGraph, WireHealth } from '../../api/types.ts';
import { measure, percent, pValue } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { href, navigate } from '../../shared/router.tsx';
import { stateShape, stateTone, stateWord } from '../../shared/signs.tsx';
import type { Point } from './layout.ts';
import { layoutOf, NODE } from './layout.ts';
import styles from './services.module.css';

const MARGIN = 8;

/** Who calls whom, callers on the left; colour and shape tell the health, a thick line a strange call. */
export function ServiceGraph({ graph }: { graph: WireGraph }) {
  const names = graph.services.map(({ service }) => service).join('\n');
  const shape = graph.edges.map(({ caller, callee }) => `${caller}\n${callee}`).join('\n\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the layout depends on who is there, not on each new figure
  const layout = useMemo(() => layoutOf(names.split('\n'), graph.edges), [names, shape]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className={styles.scroll} aria-label="Service graph" tabIndex={0}>
      <svg
        className={styles.graph}
        viewBox={`${-MARGIN} ${-MARGIN} ${layout.width + 2 * MARGIN} ${layout.height + 2 * MARGIN}`}
        width={layout.width + 2 * MARGIN}
        height={layout.height + 2 * MARGIN}
      >
        <title>Services and their calls</title>
        {graph.edges
          .toSorted((a, b) => (a.surprise ?? 0) - (b.surprise ?? 0))
          .map((edge) => {
            const route = layout.routes.get(`${edge.caller}\n${edge.callee}`);
            return route === undefined ? null : (
              <Edge key={`${edge.caller}\n${edge.callee}`} edge={edge} route={route} />
            );
          })}
        {graph.services.map((service) => {
          const at = layout.nodes.get(service.service);
          return at === undefined ? null : <Node key={service.service} service={service} at={at} />;
        })}
      </svg>
    </section>
  );
}

/** Level through each column it passes, an S between columns. */
function pathOf(route: readonly Point[]): string {
  return route
    .map((to, index) => {
      const from = route[index - 1];
      if (from === undefined) return `M${to.x} ${to.y}`;
      if (from.y === to.y) return `L${to.x} ${to.y}`;
      const bend = Math.max(24, Math.abs(to.x - from.x) / 2);
      return `C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`;
    })
    .join('');
}

function Edge({ edge, route }: { edge: WireEdge; route: readonly Point[] }) {
  const { short } = useNames();
  const strange = (edge.surprise ?? 0) >= 3;
  const end = route.at(-1) ?? { x: 0, y: 0 };
  return (
    <g className={styles.edge} data-strange={strange}>
      <path d={pathOf(route)} />
      <path d={`M${end.x - 6} ${end.y - 4}l6 4-6 4z`} className={styles.arrow} />
      <title>
        {`${short(edge.caller)} → ${short(edge.callee)}: ${measure(edge.callsPerSecond, '1/s')}, ${percent(edge.errorRatio)} errors, ${measure(edge.serverMs, 'ms')}`}
      </title>
    </g>
  );
}

function Node({ service, at }: { service: WireHealth; at: Point }) {
  const name = useNames().short(service.service);
  const to = href(`services/${encodeURIComponent(service.service)}`);
  return (
    <a
      href={to}
      className={styles.node}
      data-state={service.state}
      data-item
      aria-label={`${name} ${stateWord(service.state)}, p ${pValue(service.p)}`}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        navigate(to);
      }}
    >
      <g transform={`translate(${at.x} ${at.y})`}>
        <rect width={NODE.width} height={NODE.height} rx="7" />
        <g transform="translate(10 9)" className={styles.nodeSign} data-tone={stateTone(service.state)}>
          <g transform="scale(0.875)">{stateShape(service.state)}</g>
        </g>
        <text x="30" y="19" className={styles.nodeName}>
          {name.length > 17 ? `${name.slice(0, 16)}…` : name}{' '}
        </text>
        <text x="30" y="34" className={styles.nodeMeta}>
          {stateWord(service.state)}
        </text>
      </g>
    </a>
  );
}
