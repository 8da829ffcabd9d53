import type { EpochMs } from '../../domain/units.ts';

/** Numbers as a person would say them: the right unit, two or three digits, no false precision. */

const SECONDS_PER: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  milliseconds: 1e-3,
  min: 60,
  h: 3600,
  d: 86_400,
};
const BYTES_PER: Readonly<Record<string, number>> = {
  by: 1,
  byte: 1,
  bytes: 1,
  b: 1,
  kby: 1e3,
  mby: 1e6,
  gby: 1e9,
  kiby: 1024,
  miby: 1024 ** 2,
  giby: 1024 ** 3,
};
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const COUNT_UNITS = ['', 'k', 'M', 'G', 'T'];

/** Two significant digits, three where the leading digit is 1; integers below 1000 stay whole. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return 'unknown';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1000 && size < 1e16) {
    const step = Math.min(COUNT_UNITS.length - 1, Math.floor(Math.log10(size * 1.0005) / 3));
    return `${significant(value / 1000 ** step)}${COUNT_UNITS[step] ?? ''}`;
  }
  return significant(value);
}

function significant(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return String(Math.round(value));
  if (size < 1e-4 || size >= 1e16) return value.toExponential(1);
  const lead = size / 10 ** Math.floor(Math.log10(size));
  return String(Number(value.toPrecision(lead < 2 ? 3 : 2)));
}

/**
 * A value with its UCUM unit (`s`, `ms`, `By`, `%`, `1`, `{request}/s`, `By/s`, ...) as text. Dimensionless ratios
 * (`1` on a metric named ratio, utilization or rate of errors) read as percent.
 */
export function formatValue(value: number, unit: string, metric = ''): string {
  if (!Number.isFinite(value)) return 'unknown';
  const [base, per] = splitRate(unit);
  const suffix = per === undefined ? '' : `/${per}`;
  const seconds = SECONDS_PER[base];
  if (seconds !== undefined && per === undefined) return formatSeconds(value * seconds);
  const bytes = BYTES_PER[base.toLowerCase()];
  if (bytes !== undefined) return formatBytes(value * bytes) + suffix;
  if (base === '%') return `${formatNumber(value)} %`;
  if (base === '1' || base === '') {
    if (per === undefined && /ratio|utili[sz]ation|percent|fraction/.test(metric.toLowerCase())) {
      return `${formatNumber(value * 100)} %`;
    }
    return suffix === '' ? formatNumber(value) : `${formatNumber(value)} ${suffix}`;
  }
  const word = base.replace(/[{}]/g, '');
  if (word === 'cpu' || word === 'core' || word === 'cores') return `${formatNumber(value)} cores${suffix}`;
  if (per !== undefined && base.startsWith('{')) return `${formatNumber(value)} /${per}`;
  return `${formatNumber(value)} ${word}${suffix}`;
}

function splitRate(unit: string): [string, string?] {
  const at = unit.indexOf('/');
  return at < 0 ? [unit] : [unit.slice(0, at), unit.slice(at + 1)];
}

export function formatSeconds(seconds: number): string {
  const size = Math.abs(seconds);
  if (size === 0) return '0 s';
  if (size < 1e-6) return `${formatNumber(seconds * 1e9)} ns`;
  if (size < 1e-3) return `${formatNumber(seconds * 1e6)} µs`;
  if (size < 0.9995) return `${formatNumber(seconds * 1e3)} ms`;
  if (size < 120) return `${formatNumber(seconds)} s`;
  if (size < 7200) return `${formatNumber(seconds / 60)} min`;
  if (size < 172_800) return `${formatNumber(seconds / 3600)} h`;
  return `${formatNumber(seconds / 86_400)} days`;
}

export function formatBytes(bytes: number): string {
  const size = Math.abs(bytes);
  const step = size < 1024 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(size * 1.0001) / 10));
  return `${formatNumber(bytes / 1024 ** step)} ${BYTE_UNITS[step] ?? 'B'}`;
}

/** "80 to 120 ms": the unit is said once when both ends share it. Empty when there is no band. */
export function formatRange(lower: number, upper: number, unit: string, metric = ''): string {
  if (!Number.isFinite(lower) || !Number.isFinite(upper)) return '';
  const a = formatValue(lower, unit, metric);
  const b = formatValue(upper, unit, metric);
  if (a === b) return a;
  const [, unitA = ''] = /^\S+(.*)$/.exec(a) ?? [];
  const [, unitB = ''] = /^\S+(.*)$/.exec(b) ?? [];
  return unitA === unitB && unitA !== '' ? `${a.slice(0, a.length - unitA.length)} to ${b}` : `${a} to ${b}`;
}

/** Clock time in UTC, "14:03". */
export function formatTime(at: EpochMs): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** A span of time in words: "40 s", "2 min", "3 h". */
export function formatSpan(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** "a", "a and b", "a, b and 3 more". */
export function listOf(names: readonly string[], shown = 2): string {
  if (names.length <= shown) return names.join(' and ');
  return `${names.slice(0, shown).join(', ')} and ${names.length - shown} more`;
}
