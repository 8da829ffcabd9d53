import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Reads a file, inflating it when its name ends in `.gz`. */
export function readBytes(path: string): Buffer {
  const raw = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(raw) : raw;
}

/** Comma-separated text without quoting: header names and one array of cells per row. For small files. */
export function parseTable(text: string): {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
} {
  const lines = text.split('\n');
  const header = (lines[0] ?? '').replace(/\r$/, '').split(',');
  const rows: string[][] = [];
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!.replace(/\r$/, '');
    if (line !== '') rows.push(line.split(','));
  }
  return { header, rows };
}

/**
 * The leading numeric columns of a comma-separated file, by position; a cell that is no number becomes NaN. The first
 * line is a header. A first cell like `2014-04-01 00:00:00` is read as UTC and becomes seconds since the epoch.
 */
export function parseColumns(bytes: Buffer, columns: number): Float64Array[] {
  let lines = 0;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === 10) lines++;
  const out = Array.from({ length: columns }, () => new Float64Array(lines + 1));
  let at = bytes.indexOf(10) + 1;
  if (at === 0) return out.map((column) => column.subarray(0, 0));
  let row = 0;
  while (at < bytes.length) {
    let end = bytes.indexOf(10, at);
    if (end < 0) end = bytes.length;
    if (end > at && !(end === at + 1 && bytes[at] === 13)) {
      let from = at;
      for (let c = 0; c < columns; c++) {
        let to = bytes.indexOf(44, from);
        if (to < 0 || to > end) to = end;
        out[c]![row] = cell(bytes.toString('latin1', from, to));
        from = Math.min(to + 1, end);
      }
      row++;
    }
    at = end + 1;
  }
  return out.map((column) => column.subarray(0, row));
}

function cell(text: string): number {
  if (text.length >= 19 && text[4] === '-') return parseUtcSeconds(text);
  return text.trim() === '' ? Number.NaN : Number(text);
}

/** `2014-04-01 00:00:00[.ffffff]`, read as UTC, in seconds since the epoch. */
export function parseUtcSeconds(text: string): number {
  return Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`) / 1000;
}
