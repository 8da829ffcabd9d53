import type uPlot from 'uplot';
import type { Palette } from './palette.ts';

export interface Marks {
  /** The stretch that an incident covers. */
  readonly from?: number;
  readonly to?: number | null;
  /** The moment that is being explained. */
  readonly at?: number | null;
  readonly deploys?: readonly { readonly at: number; readonly to: string }[];
}

const seconds = (ms: number): number => ms / 1_000;

/** Behind the lines: the incident's stretch and when it began. */
export function drawStretch(u: uPlot, { from, to }: Marks, palette: Palette): void {
  if (from === undefined) return;
  const { ctx, bbox } = u;
  const left = Math.max(bbox.left, u.valToPos(seconds(from), 'x', true));
  const right = Math.min(
    bbox.left + bbox.width,
    to === null || to === undefined ? Infinity : u.valToPos(seconds(to), 'x', true),
  );
  if (right <= left) return;
  ctx.save();
  ctx.fillStyle = palette.stretch;
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.strokeStyle = palette.critical;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

/** Over the lines: deploys as flags, strange samples as rings (a shape, so that colour is not alone). */
export function drawMarks(u: uPlot, marks: Marks, strange: readonly number[], palette: Palette): void {
  const { ctx, bbox } = u;
  const dpr = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top - 2 * dpr, bbox.width, bbox.height + 4 * dpr);
  ctx.clip();
  ctx.font = `${11 * dpr}px ${palette.font}`;
  for (const deploy of marks.deploys ?? []) {
    const x = Math.round(u.valToPos(seconds(deploy.at), 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = palette.deploy;
    ctx.fillStyle = palette.deploy;
    ctx.lineWidth = 1.5 * dpr;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x - 5 * dpr, bbox.top);
    ctx.lineTo(x + 5 * dpr, bbox.top);
    ctx.lineTo(x, bbox.top + 7 * dpr);
    ctx.fill();
    const text = deploy.to;
    const width = ctx.measureText(text).width;
    const roomLeft = x - 7 * dpr - width > bbox.left;
    ctx.textAlign = roomLeft ? 'right' : 'left';
    ctx.fillText(text, roomLeft ? x - 7 * dpr : x + 7 * dpr, bbox.top + 10 * dpr);
  }
  if (marks.at !== undefined && marks.at !== null) {
    const x = Math.round(u.valToPos(seconds(marks.at), 'x', true));
    ctx.strokeStyle = palette.value;
    ctx.lineWidth = 1.5 * dpr;
    ctx.setLineDash([2 * dpr, 3 * dpr]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  const xs = u.data[0];
  const ys = u.data[1];
  const every = Math.max(1, Math.ceil(strange.length / 40));
  ctx.strokeStyle = palette.critical;
  ctx.fillStyle = palette.panel;
  ctx.lineWidth = 1.5 * dpr;
  for (let k = 0; k < strange.length; k += every) {
    const index = strange[k] ?? 0;
    const x = xs[index];
    const y = ys?.[index];
    if (x === undefined || y === null || y === undefined) continue;
    ctx.beginPath();
    ctx.arc(u.valToPos(x, 'x', true), u.valToPos(y, 'y', true), 2.6 * dpr, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}
