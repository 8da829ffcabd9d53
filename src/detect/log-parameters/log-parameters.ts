import type { Evidence } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { LogBatch } from '../../domain/signal/batch.ts';
import { createEvidence, type LogTick, type ServiceNames, type TemplateCatalogue } from '../../domain/signal/ticks.ts';
import { smallestOf } from '../../stats/tails/count-tails.ts';
import { ScoreTails } from '../../stats/tails/score-tails.ts';

export const LOG_PARAMETERS_OPTIONS = {
  samples: { type: 'integer', default: 8, min: 1, max: 1000, doc: 'Lines of a template read for numbers in one tick.' },
  warmup: { type: 'integer', default: 30, min: 2, max: 100_000, doc: 'Ticks with numbers before a field is judged.' },
  report: { type: 'number', default: 0.05, min: 1e-6, max: 1, doc: 'Findings with a larger p are not reported.' },
} as const satisfies OptionsSpec;
export type LogParametersOptions = Options<typeof LOG_PARAMETERS_OPTIONS>;

const VERSION = 1;
const FIELDS = 4;
/** Doubles a field: sum and count of the tick (log scale), largest raw value, mean, mean deviation, ticks. */
const FIELD_WIDTH = 6;
const SUM = 0;
const COUNT = 1;
const LARGEST = 2;
const MEAN = 3;
const DEVIATION = 4;
const TICKS = 5;
/** One double before the fields: the generation. */
const WIDTH = 1 + FIELDS * FIELD_WIDTH;
const MAX_BYTES = 512;
const MEMORY = 360;
/** Smallest deviation on the log scale: 10 %. */
const MIN_DEVIATION = 0.1;

/**
 * Numbers inside log lines as metrics: the first four stand-alone numbers ("took 120 ms", "size=4096") of up to eight
 * lines of a template in a tick. The tick's mean of ln(1 + |x|) against a running mean in units of its mean deviation;
 * ids make wide distributions and so stay quiet. Cost is bounded by templates and ticks, not by lines.
 */
export class LogParameters {
  readonly name = 'log-parameters';
  readonly #options: LogParametersOptions;
  readonly #tails = new ScoreTails();
  #rows: Float64Array = new Float64Array(WIDTH * 256);
  /** Lines of a template read in the open tick: apart from the rows, because every line looks at it. */
  #read: Int32Array = new Int32Array(256);

  constructor(options: LogParametersOptions) {
    this.#options = options;
  }

  observe(batch: LogBatch, templates: Int32Array): void {
    const { samples } = this.#options;
    for (let i = 0; i < batch.length; i += 1) {
      const template = templates[i] as number;
      if (template >= this.#read.length) this.#grow(template + 1);
      const read = this.#read[template] as number;
      if (read >= samples) continue;
      this.#read[template] = read + 1;
      const start = batch.bodyStart[i] as number;
      this.#scan(batch.buffer, start, Math.min(batch.bodyEnd[i] as number, start + MAX_BYTES), template * WIDTH + 1);
    }
  }

  /** At most one finding a service, p corrected for the fields compared; then learns the tick. */
  closeTick(tick: LogTick, templates: TemplateCatalogue, names: ServiceNames): Evidence[] {
    const best = new Map<number, { p: number; tests: number; template: number; field: number }>();
    for (let i = 0; i < tick.length; i += 1) {
      const template = tick.template[i] as number;
      const r = template * WIDTH;
      if (r + WIDTH > this.#rows.length) continue;
      const generation = templates.generationOf(template);
      if (this.#rows[r] !== generation) {
        for (let field = 0; field < FIELDS; field += 1)
          this.#rows.fill(0, r + 1 + field * FIELD_WIDTH + MEAN, r + 1 + (field + 1) * FIELD_WIDTH);
        this.#rows[r] = generation;
      }
      const service = templates.serviceOf(template);
      for (let field = 0; field < FIELDS; field += 1) {
        const p = this.#judge(r + 1 + field * FIELD_WIDTH);
        if (Number.isNaN(p)) continue;
        const own = best.get(service);
        if (own === undefined) best.set(service, { p, tests: 1, template, field });
        else {
          own.tests += 1;
          if (p < own.p) Object.assign(own, { p, template, field });
        }
      }
    }
    const found: Evidence[] = [];
    for (const [service, { p: smallest, tests, template, field }] of best) {
      const p = this.#tails.observe(service, smallestOf(smallest, tests));
      if (p <= this.#options.report) found.push(this.#describe(template, field, p, tick, templates, names(service)));
    }
    for (let i = 0; i < tick.length; i += 1) this.#learn(tick.template[i] as number);
    return found;
  }

  save(): StateBlob {
    return {
      version: VERSION,
      arrays: {
        rows: this.#rows.slice(),
        read: this.#read.slice(),
        tails: this.#tails.save().arrays['rows'] as Float32Array,
      },
      meta: null,
    };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION)
      throw new TocsinError('state_version', `log-parameters state ${state.version} is unknown`);
    this.#rows = (state.arrays['rows'] as Float64Array).slice();
    this.#read = (state.arrays['read'] as Int32Array).slice();
    this.#tails.restore({ version: 1, arrays: { rows: state.arrays['tails'] as Float32Array }, meta: null });
  }

  /** p of a field's tick; NaN when it says nothing. */
  #judge(f: number): number {
    const rows = this.#rows;
    const count = rows[f + COUNT] as number;
    if (count === 0 || (rows[f + TICKS] as number) < this.#options.warmup) return Number.NaN;
    const distance = Math.abs((rows[f + SUM] as number) / count - (rows[f + MEAN] as number));
    // Laplace tail: the deviation is a mean of absolute values.
    return Math.exp(-distance / Math.max(MIN_DEVIATION, rows[f + DEVIATION] as number));
  }

  #learn(template: number): void {
    const rows = this.#rows;
    const r = template * WIDTH;
    if (r + WIDTH > rows.length) return;
    this.#read[template] = 0;
    for (let f = r + 1; f < r + WIDTH; f += FIELD_WIDTH) {
      const count = rows[f + COUNT] as number;
      if (count === 0) continue;
      const ticks = rows[f + TICKS] as number;
      const alpha = Math.max(1 / MEMORY, 1 / (ticks + 1));
      const delta = (rows[f + SUM] as number) / count - (rows[f + MEAN] as number);
      const limit = 8 * Math.max(MIN_DEVIATION, rows[f + DEVIATION] as number);
      const step = ticks < this.#options.warmup ? delta : Math.max(-limit, Math.min(limit, delta));
      rows[f + MEAN] = (rows[f + MEAN] as number) + alpha * step;
      if (ticks > 0)
        rows[f + DEVIATION] =
          (rows[f + DEVIATION] as number) + alpha * (Math.abs(step) - (rows[f + DEVIATION] as number));
      rows[f + TICKS] = ticks + 1;
      rows[f + SUM] = 0;
      rows[f + COUNT] = 0;
      rows[f + LARGEST] = 0;
    }
  }

  /** Adds the stand-alone numbers of a line to the fields at `f`. */
  #scan(bytes: Uint8Array, start: number, end: number, f: number): void {
    let field = 0;
    let at = start;
    while (at < end && field < FIELDS) {
      const byte = bytes[at] as number;
      if (byte < 48 || byte > 57) {
        at += 1;
        continue;
      }
      const before = at === start ? 0x20 : (bytes[at - 1] as number);
      let value = 0;
      let scale = 0;
      let next = byte;
      while (at < end) {
        next = bytes[at] as number;
        if (next >= 48 && next <= 57) {
          value = value * 10 + (next - 48);
          scale *= 10;
        } else if (next === 0x2e && scale === 0) scale = 1;
        else break;
        at += 1;
      }
      const isAlone = isOpening(before) && (at === end || isClosing(next, bytes[at + 1] ?? 0x20));
      if (!isAlone) {
        while (at < end && !isOpening(bytes[at] as number)) at += 1;
        continue;
      }
      const number = scale > 1 ? value / scale : value;
      const g = f + field * FIELD_WIDTH;
      this.#rows[g + SUM] = (this.#rows[g + SUM] as number) + Math.log1p(Math.min(number, 1e18));
      this.#rows[g + COUNT] = (this.#rows[g + COUNT] as number) + 1;
      if (number > (this.#rows[g + LARGEST] as number)) this.#rows[g + LARGEST] = Math.min(number, 1e18);
      field += 1;
    }
  }

  #describe(
    template: number,
    field: number,
    p: number,
    tick: LogTick,
    templates: TemplateCatalogue,
    service: string,
  ): Evidence {
    const f = template * WIDTH + 1 + field * FIELD_WIDTH;
    const value = Math.expm1((this.#rows[f + SUM] as number) / (this.#rows[f + COUNT] as number));
    const mean = this.#rows[f + MEAN] as number;
    const spread = 3 * Math.max(MIN_DEVIATION, this.#rows[f + DEVIATION] as number);
    const text = templates.textOf(template);
    const lower = Math.expm1(Math.max(0, mean - spread));
    const upper = Math.expm1(mean + spread);
    return createEvidence({
      service,
      modality: 'log',
      metric: 'log.parameter',
      kind: value > upper ? 'spike' : 'dip',
      at: tick.at,
      p,
      value,
      expected: Math.expm1(mean),
      lower,
      upper,
      labels: { field: String(field + 1) },
      text: `number ${field + 1} of "${text}" in ${service} is ${short(value)}, usually ${short(lower)} to ${short(upper)}`,
      subject: text,
      example: templates.exampleOf(template),
    });
  }

  #grow(templates: number): void {
    const capacity = Math.max(templates, this.#read.length * 2);
    const rows = new Float64Array(capacity * WIDTH);
    rows.set(this.#rows);
    this.#rows = rows;
    const read = new Int32Array(capacity);
    read.set(this.#read);
    this.#read = read;
  }
}

export function createLogParameters(options: Partial<LogParametersOptions> = {}): LogParameters {
  return new LogParameters({ ...defaultsOf(LOG_PARAMETERS_OPTIONS), ...options });
}

/** Space, `=`, `(`, `[`, `"`, `,` or `:` may stand before a number. */
function isOpening(byte: number): boolean {
  return (
    byte <= 0x20 || byte === 0x3d || byte === 0x28 || byte === 0x5b || byte === 0x22 || byte === 0x2c || byte === 0x3a
  );
}

/** Space, punctuation or a unit's first letter may follow; a second `:`, `.`, `-` or `/` makes it a time, version, id or path. */
function isClosing(byte: number, after: number): boolean {
  if (
    byte <= 0x20 ||
    byte === 0x2c ||
    byte === 0x29 ||
    byte === 0x5d ||
    byte === 0x22 ||
    byte === 0x3b ||
    byte === 0x7d ||
    byte === 0x25
  )
    return true;
  if (byte === 0x2e) return after <= 0x20;
  // ms, s, us, ns, kB, MB, GB, B
  return (
    byte === 0x6d ||
    byte === 0x73 ||
    byte === 0x75 ||
    byte === 0x6e ||
    byte === 0x6b ||
    byte === 0x4d ||
    byte === 0x47 ||
    byte === 0x42
  );
}

function short(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
