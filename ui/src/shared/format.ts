/** Numbers with units, as short as stays exact enough. Null is "not known". */
export const NOTHING = '–';

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const BIG = ['', ' k', ' M', ' G'];

export function plain(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1_000) return scaled(value, 1_000, BIG).trim();
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return trim(value.toFixed(1));
  if (size >= 1) return trim(value.toFixed(2));
  if (size >= 0.01) return trim(value.toPrecision(2));
  return value.toPrecision(2).replace(/e([+-])0?/, 'e$1');
}

/** A value in the unit that its series declares (UCUM). */
export function measure(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  switch (unit) {
    case 'By':
      return scaled(
        value,
        1_024,
        BYTES.map((name) => ` ${name}`),
      );
    case 'By/s':
      return `${scaled(
        value,
        1_024,
        BYTES.map((name) => ` ${name}`),
      )}/s`;
    case '1':
      return Math.abs(value) <= 1.5 ? `${plain(value * 100)} %` : plain(value);
    case 's':
      return span(value * 1_000);
    case 'ms':
      return span(value);
    case 'us':
      return span(value / 1_000);
    case '':
      return plain(value);
    default:
      return `${plain(value)} ${unitWord(unit, Math.abs(value) === 1)}`;
  }
}

/** "80 to 120 ms": the unit is said once when both ends share it. */
export function measureRange(lower: number | null, upper: number | null, unit: string): string {
  const [a, b] = [measure(lower, unit), measure(upper, unit)];
  const [, unitA = ''] = /^\S+( .+)$/.exec(a) ?? [];
  const [, unitB = ''] = /^\S+( .+)$/.exec(b) ?? [];
  return unitA !== '' && unitA === unitB ? `${a.slice(0, -unitA.length)} to ${b}` : `${a} to ${b}`;
}

/** Where there is no room for words: `{request}` goes without, what has a short unit keeps it. */
export const shortMeasure = (value: number | null, unit: string): string => measure(value, shortUnit(unit));

export const shortUnit = (unit: string): string =>
  unit.startsWith('{') && unit !== '{cpu}' ? (unit.endsWith('/s') ? '1/s' : '') : unit;

/** The labels of an axis: as short as they may be while they differ. */
export function axisLabels(values: readonly number[], unit: string): string[] {
  const labels = values.map((value) => measure(value, unit === '{cpu}' ? '' : shortUnit(unit)));
  return new Set(labels).size === labels.length ? labels : values.map((value) => exactly(value, unit));
}

function exactly(value: number, unit: string): string {
  const digits = (x: number): string => String(Number(x.toPrecision(6)));
  if (unit === '1') return `${digits(value * 100)} %`;
  if (unit === 'ms' || unit === 's') return `${digits(value)} ${unit}`;
  if (unit === 'By') {
    const step = Math.min(BYTES.length - 1, Math.max(0, Math.floor(Math.log2(Math.abs(value) || 1) / 10)));
    return `${digits(Number((value / 1_024 ** step).toFixed(2)))} ${BYTES[step] ?? ''}`;
  }
  return digits(value);
}

/** `{cpu}` as "cores", `{request}/s` as "requests/s". */
function unitWord(unit: string, one: boolean): string {
  if (unit === '{cpu}') return one ? 'core' : 'cores';
  if (unit === '1/s') return '/s';
  return unit.replaceAll(/\{(\w+)\}/g, (_, word: string) => (one ? word : `${word}s`));
}

export function bytes(value: number): string {
  return scaled(
    value,
    1_024,
    BYTES.map((name) => ` ${name}`),
  );
}

export function percent(share: number | null): string {
  return share === null ? NOTHING : `${Math.round(share * 100)} %`;
}

/** A p-value as people say it: "p < 1e-6" at the floor. */
export function pValue(p: number | null): string {
  if (p === null) return NOTHING;
  if (p <= 1.01e-6) return '< 10⁻⁶';
  return p >= 0.01
    ? p.toFixed(2)
    : p
        .toExponential(0)
        .replace(/e-(\d+)/, (_, digits: string) => `·10⁻${superscript(digits)}`)
        .replace(/^1·/, '');
}

function superscript(digits: string): string {
  return [...digits].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] ?? '').join('');
}

/** A length of time from ms: two units at most. */
export function span(ms: number): string {
  const size = Math.abs(ms);
  if (size === 0) return '0 ms';
  if (size < 1) return `${plain(ms * 1_000)} µs`;
  if (size < 1_000) return `${plain(ms)} ms`;
  if (size < 60_000) return `${trim((ms / 1_000).toFixed(size < 10_000 ? 1 : 0))} s`;
  const minutes = Math.round(size / 60_000);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
  const hours = Math.round(size / 3_600_000);
  return `${Math.floor(hours / 24)} d${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
}

function scaled(value: number, base: number, names: readonly string[]): string {
  let step = 0;
  let size = value;
  while (Math.abs(size) >= base && step < names.length - 1) {
    size /= base;
    step += 1;
  }
  const digits =
    step === 0 ? (Number.isInteger(size) ? 0 : 1) : Math.abs(size) >= 100 ? 0 : Math.abs(size) >= 10 ? 1 : 2;
  return `${trim(size.toFixed(digits))}${names[step] ?? ''}`;
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

export function plural(count: number, word: string): string {
  return `${plain(count)} ${word}${count === 1 ? '' : 's'}`;
}
