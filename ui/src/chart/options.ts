import uPlot from 'uplot';
import { axisLabels } from '../shared/format.ts';
import type { Palette } from './palette.ts';
import type { Marks } from './plugins.ts';
import { drawMarks, drawStretch } from './plugins.ts';

export interface ChartLook {
  readonly unit: string;
  readonly palette: Palette;
  readonly marks: Marks;
  readonly strange: () => readonly number[];
  readonly from: () => number;
  readonly to: () => number;
  readonly onCursor: (index: number | null) => void;
  readonly onZoom?: (from: number, to: number) => void;
  /** A click that was no drag: the moment under it, in ms. */
  readonly onPick?: (at: number) => void;
  readonly sync: string;
}

const AXIS_WIDTH = 68;

const two = (n: number): string => String(n).padStart(2, '0');
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

function tickTime(seconds: number, step: number): string {
  const date = new Date(seconds * 1_000);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (step < 60) return `${clock}:${two(date.getSeconds())}`;
  return step >= 3_600 && date.getHours() === 0 && date.getMinutes() === 0 ? day.format(date) : clock;
}

function shared(look: ChartLook): Pick<uPlot.Options, 'cursor' | 'legend' | 'padding'> {
  return {
    legend: { show: false },
    padding: [8, 12, 0, 0],
    cursor: {
      sync: { key: look.sync, setSeries: false },
      drag: { x: look.onZoom !== undefined, y: false, setScale: false },
      points: { show: false },
      y: false,
    },
  };
}

function timeAxis(palette: Palette, labels: boolean): uPlot.Axis {
  return {
    stroke: palette.axis,
    font: `11px ${palette.font}`,
    grid: { stroke: palette.grid, width: 1 },
    ticks: { show: false },
    size: labels ? 26 : 0,
    space: 64,
    values: (_u, splits, _axis, _space, step) =>
      labels ? splits.map((split) => tickTime(split, step)) : splits.map(() => ''),
  };
}

function zoomHook(look: ChartLook): ((u: uPlot) => void)[] {
  const { onZoom } = look;
  if (onZoom === undefined) return [];
  return [
    (u) => {
      if (u.select.width < 6) return;
      const from = u.posToVal(u.select.left, 'x') * 1_000;
      const to = u.posToVal(u.select.left + u.select.width, 'x') * 1_000;
      u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      onZoom(from, to);
    },
  ];
}

function pickHook(look: ChartLook): ((u: uPlot) => void)[] {
  const { onPick } = look;
  if (onPick === undefined) return [];
  return [
    (u) => {
      let down = 0;
      u.over.addEventListener('mousedown', (event) => {
        down = event.clientX;
      });
      u.over.addEventListener('click', (event) => {
        if (Math.abs(event.clientX - down) < 4) onPick(u.posToVal(event.offsetX, 'x') * 1_000);
      });
    },
  ];
}

export function lineOptions(look: ChartLook, width: number, height: number): uPlot.Options {
  const { palette } = look;
  return {
    ...shared(look),
    width,
    height,
    scales: {
      x: { time: true, range: () => [look.from() / 1_000, look.to() / 1_000] },
      y: { range: (_u, min, max) => paddedRange(min, max) },
    },
    axes: [
      timeAxis(palette, true),
      {
        stroke: palette.axis,
        font: `11px ${palette.font}`,
        grid: { stroke: palette.grid, width: 1 },
        ticks: { show: false },
        size: AXIS_WIDTH,
        space: 34,
        values: (_u, splits) => axisLabels(splits, look.unit),
      },
    ],
    series: [
      {},
      { stroke: palette.value, width: 1.5, points: { show: false } },
      { stroke: palette.bandLine, width: 0.5, points: { show: false } },
      { stroke: palette.bandLine, width: 0.5, points: { show: false } },
      { stroke: palette.bandLine, width: 1, dash: [5, 4], points: { show: false } },
      { stroke: 'transparent', width: 0, points: { show: false } },
      { stroke: 'transparent', width: 0, points: { show: false } },
    ],
    bands: [
      { series: [2, 3], fill: palette.band },
      { series: [5, 6], fill: palette.envelope },
    ],
    hooks: {
      drawAxes: [(u) => drawStretch(u, look.marks, palette)],
      draw: [(u) => drawMarks(u, look.marks, look.strange(), palette)],
      setCursor: [(u) => look.onCursor(u.cursor.idx ?? null)],
      setSelect: zoomHook(look),
      ready: pickHook(look),
    },
  };
}

/** The strip below: how strange each step was, with lines at p = 1e-3 and 1e-6. */
export function scoreOptions(look: ChartLook, width: number, height: number): uPlot.Options {
  const { palette } = look;
  const bars = uPlot.paths.bars?.({ size: [1, 8, 1] });
  const paths = bars === undefined ? {} : { paths: bars };
  return {
    ...shared(look),
    padding: [8, 12, 8, 0],
    width,
    height,
    scales: { x: { time: true, range: () => [look.from() / 1_000, look.to() / 1_000] }, y: { range: () => [0, 6] } },
    axes: [
      timeAxis(palette, false),
      {
        stroke: palette.axis,
        font: `11px ${palette.font}`,
        grid: { stroke: palette.grid, width: 1 },
        ticks: { show: false },
        size: AXIS_WIDTH,
        splits: () => [0, 3, 6],
        values: () => ['p = 1', '10⁻³', '10⁻⁶'],
      },
    ],
    series: [
      {},
      { width: 0, points: { show: false }, fill: palette.quiet, ...paths },
      { width: 0, points: { show: false }, fill: palette.critical, ...paths },
    ],
    hooks: {
      setCursor: [(u) => look.onCursor(u.cursor.idx ?? null)],
      setSelect: zoomHook(look),
      ready: pickHook(look),
    },
  };
}

/** Zero stays in view where it is near, a flat line gets room, and nothing touches the frame. */
function paddedRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  const size = max - min || Math.abs(max) * 0.2 || 1;
  const low = min >= 0 && min < size * 1.2 ? 0 : min - size * 0.08;
  return [low, max + size * 0.1];
}
