import { useElementSize } from '@mantine/hooks';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import type { WireRange } from '../api/types.ts';
import { measure, measureRange, pValue, shortUnit } from '../shared/format.ts';
import { formatClock, formatDay } from '../shared/time.tsx';
import styles from './band-chart.module.css';
import { columnsOf } from './columns.ts';
import type { ChartLook } from './options.ts';
import { lineOptions, scoreOptions } from './options.ts';
import { usePalette } from './palette.ts';
import type { Marks } from './plugins.ts';

interface BandChartProps {
  readonly range: WireRange;
  readonly from: number;
  readonly to: number;
  readonly height?: number;
  readonly marks?: Marks;
  /** Height of the score strip, 0 for none. */
  readonly score?: number;
  readonly onZoom?: (from: number, to: number) => void;
  readonly onPick?: (at: number) => void;
}

const NO_MARKS: Marks = {};

/** One series with its expected band, strange samples ringed, deploys flagged, and how strange it was below. */
export function BandChart(props: BandChartProps) {
  const { range, from, to, height = 200, marks = NO_MARKS, score = 0, onZoom, onPick } = props;
  const { ref: sizer, width } = useElementSize();
  const lines = useRef<HTMLDivElement>(null);
  const strip = useRef<HTMLDivElement>(null);
  const plots = useRef<uPlot[]>([]);
  const palette = usePalette();
  const sync = useId();
  const columns = useMemo(() => columnsOf(range), [range]);
  const latest = useRef({ columns, from, to, onZoom, onPick });
  latest.current = { columns, from, to, onZoom, onPick };
  const [at, point] = useState<number | null>(null);
  const unit = range.series.unit;
  const zooms = onZoom !== undefined;
  const picks = onPick !== undefined;

  useEffect(() => {
    if (width === 0 || lines.current === null) return;
    const look: ChartLook = {
      unit,
      palette,
      marks,
      sync,
      strange: () => latest.current.columns.strange,
      from: () => latest.current.from,
      to: () => latest.current.to,
      onCursor: point,
      ...(picks ? { onPick: (moment: number) => latest.current.onPick?.(moment) } : {}),
      ...(zooms ? { onZoom: (a: number, b: number) => latest.current.onZoom?.(a, b) } : {}),
    };
    const made = [new uPlot(lineOptions(look, width, height), latest.current.columns.lines, lines.current)];
    if (score > 0 && strip.current !== null)
      made.push(new uPlot(scoreOptions(look, width, score), latest.current.columns.score, strip.current));
    plots.current = made;
    return () => {
      for (const plot of made) plot.destroy();
      plots.current = [];
    };
  }, [width, height, score, palette, marks, unit, sync, zooms, picks]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the window moves the scale, which setData redraws
  useEffect(() => {
    plots.current[0]?.setData(columns.lines);
    plots.current[1]?.setData(columns.score);
  }, [columns, from, to]);

  return (
    <figure className={styles.figure} ref={sizer}>
      <Readout range={range} columns={columns.lines} score={columns.score} at={at} />
      <div role="img" aria-label={describe(range, columns.strange.length)} className={zooms ? styles.zoom : undefined}>
        <div ref={lines} style={{ height }} />
        {score > 0 && <div ref={strip} style={{ height: score }} />}
      </div>
    </figure>
  );
}

interface ReadoutProps {
  readonly range: WireRange;
  readonly columns: uPlot.AlignedData;
  readonly score: uPlot.AlignedData;
  readonly at: number | null;
}

/** The numbers under the cursor, or the newest ones; always there, so that nothing jumps. */
function Readout({ range, columns, score, at }: ReadoutProps) {
  const { unit } = range.series;
  const index = at ?? columns[0].length - 1;
  const time = columns[0][index];
  const of = (column: number): number | null => columns[column]?.[index] ?? null;
  const surprise = score[1]?.[index] ?? score[2]?.[index] ?? null;
  const lower = of(3);
  return (
    <figcaption className={styles.readout}>
      <span>
        {time === undefined ? 'No samples here' : at === null ? formatDay(time * 1_000) : formatClock(time * 1_000)}
      </span>
      <span className={styles.value}>{measure(of(1), unit)}</span>
      {lower !== null && (
        <span className={styles.expected}>expected {measureRange(lower, of(2), shortUnit(unit))}</span>
      )}
      {surprise !== null && <span data-strange={surprise >= 3}>p {pValue(10 ** -surprise)}</span>}
    </figcaption>
  );
}

/** What the picture says, for those who do not see it. */
function describe(range: WireRange, strange: number): string {
  const { series } = range;
  const last = range.at.length - 1;
  if (last < 0) return `${series.metric} of ${series.service}: no samples in this time range`;
  const now = measure(range.mean[last] ?? null, series.unit);
  const band = `expected ${measureRange(range.lower[last] ?? null, range.upper[last] ?? null, series.unit)}`;
  return `${series.metric} of ${series.service} from ${formatDay(range.from)} to ${formatDay(range.to)}: last ${now}, ${band}, ${strange} strange steps of ${range.at.length}`;
}
