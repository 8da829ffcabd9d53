import type { WireRange } from '../api/types.ts';
import { longestPause, STRANGE } from './columns.ts';
import styles from './sparkline.module.css';

const WIDTH = 160;
const HEIGHT = 36;

/** A series at a glance: line in its band, strange stretches marked below. Decoration: numbers stand beside it. */
export function Sparkline({ range }: { range: WireRange }) {
  const values = [...range.mean, ...range.upper, ...range.lower].filter((value): value is number => value !== null);
  if (values.length < 2) return <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={styles.spark} aria-hidden="true" />;
  const low = Math.min(...values);
  const size = Math.max(...values) - low || 1;
  const gap = longestPause(range);
  const x = (at: number): number => ((at - range.from) / (range.to - range.from)) * WIDTH;
  const y = (value: number): number => HEIGHT - 5 - ((value - low) / size) * (HEIGHT - 8);
  const path = (column: readonly (number | null)[]): string => {
    let [text, pen] = ['', 'M'];
    column.forEach((value, index) => {
      const at = range.at[index] ?? 0;
      if (value === null || (index > 0 && at - (range.at[index - 1] ?? 0) > gap)) pen = 'M';
      if (value === null) return;
      text += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = 'L';
    });
    return text;
  };
  const known = range.at.flatMap((at, index) => {
    const [upper, lower] = [range.upper[index], range.lower[index]];
    return upper === null || upper === undefined || lower === null || lower === undefined ? [] : [{ at, upper, lower }];
  });
  const band = [
    ...known.map(({ at, upper }) => `${x(at).toFixed(1)} ${y(upper).toFixed(1)}`),
    ...known.toReversed().map(({ at, lower }) => `${x(at).toFixed(1)} ${y(lower).toFixed(1)}`),
  ].join('L');
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" className={styles.spark} aria-hidden="true">
      {band !== '' && <path d={`M${band}Z`} fill="var(--band)" />}
      <path
        d={path(range.mean)}
        fill="none"
        stroke="var(--value)"
        strokeWidth="1.2"
        vectorEffect="non-scaling-stroke"
      />
      {range.at.map((at, index) =>
        (range.surprise[index] ?? 0) >= STRANGE ? (
          <rect
            key={at}
            x={x(at)}
            y={HEIGHT - 3}
            width={Math.max(1.5, (range.step / (range.to - range.from)) * WIDTH)}
            height="3"
            fill="var(--critical)"
          />
        ) : null,
      )}
    </svg>
  );
}
