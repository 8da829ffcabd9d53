import { useTrace } from '../../api/queries.ts';
import type { WireSpan } from '../../api/types.ts';
import { span as length, plural } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { Fetched, Scroller } from '../../shared/panel.tsx';
import { Time } from '../../shared/time.tsx';
import styles from './trace.module.css';

interface Row {
  readonly span: WireSpan;
  readonly depth: number;
  /** Time that no child of it covers, in ms. */
  readonly self: number;
}

export function TraceWaterfall({ traceId }: { traceId: string }) {
  const trace = useTrace(traceId);
  return (
    <Fetched query={trace} what="trace" rows={6}>
      {({ spans }) => <Waterfall spans={spans} traceId={traceId} />}
    </Fetched>
  );
}

function Waterfall({ spans, traceId }: { spans: readonly WireSpan[]; traceId: string }) {
  const { short, words } = useNames();
  const start = Math.min(...spans.map((span) => span.start));
  const end = Math.max(...spans.map((span) => span.start + span.durationMs));
  const total = Math.max(end - start, 1e-6);
  const rows = rowsOf(spans);
  const services = [...new Set(rows.map(({ span }) => span.service))];
  const longest = Math.max(...rows.map(({ self }) => self));
  return (
    <>
      <p className={styles.traceHead}>
        <span className="mono">{traceId.slice(0, 16)}…</span>
        <span>
          {plural(spans.length, 'span')}, {plural(services.length, 'service')}, {length(total)}
        </span>
        <span className="muted">
          <Time at={start} />
        </span>
      </p>
      <Scroller label="Spans over time">
        <table className={styles.trace}>
          <thead>
            <tr>
              <th scope="col">Span</th>
              <th scope="col" className={styles.axis}>
                <span>0</span>
                <span>{length(total / 2)}</span>
                <span>{length(total)}</span>
                <span className="visually-hidden">Time</span>
              </th>
              <th scope="col">Took</th>
              <th scope="col" title="Time that no child span covers">
                Self
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ span, depth, self }) => (
              <tr key={span.spanId}>
                <th scope="row" style={{ paddingLeft: depth * 14 }}>
                  {span.error && (
                    <span className={styles.failed} title="Error">
                      ✕<span className="visually-hidden"> failed</span>
                    </span>
                  )}
                  <b>{short(span.service)}</b> {words(span.name)}
                </th>
                <td className={styles.lane} data-error={span.error}>
                  <i
                    style={{
                      left: `${((span.start - start) / total) * 100}%`,
                      width: `max(2px, ${(span.durationMs / total) * 100}%)`,
                    }}
                  />
                </td>
                <td>{length(span.durationMs)}</td>
                <td data-longest={self === longest}>{length(self)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroller>
    </>
  );
}

/** Parents before children, children by start; spans whose parent was not kept stand at the root. */
function rowsOf(spans: readonly WireSpan[]): readonly Row[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const children = new Map<string, WireSpan[]>();
  for (const span of spans) {
    const parent = ids.has(span.parentId) && span.parentId !== span.spanId ? span.parentId : '';
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const rows: Row[] = [];
  const visit = (parent: string, depth: number): void => {
    for (const span of (children.get(parent) ?? []).toSorted((a, b) => a.start - b.start)) {
      rows.push({ span, depth, self: selfTime(span, children.get(span.spanId) ?? []) });
      if (depth < 64) visit(span.spanId, depth + 1);
    }
  };
  visit('', 0);
  return rows;
}

function selfTime(span: WireSpan, children: readonly WireSpan[]): number {
  let [covered, reach] = [0, span.start];
  const end = span.start + span.durationMs;
  for (const child of children.toSorted((a, b) => a.start - b.start)) {
    const from = Math.max(reach, child.start);
    const to = Math.min(end, child.start + child.durationMs);
    if (to > from) {
      covered += to - from;
      reach = to;
    }
  }
  return Math.max(0, span.durationMs - covered);
}
