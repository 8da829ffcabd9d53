import type { AnomalyKind, Evidence } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { createEvidence, type LogTick, type ServiceNames, type TemplateCatalogue } from '../../domain/signal/ticks.ts';
import { HOUR } from '../../domain/units.ts';
import { negativeBinomialAtLeast, smallestOf } from '../../stats/tails/count-tails.ts';
import { ScoreTails } from '../../stats/tails/score-tails.ts';

export const LOG_RATE_OPTIONS = {
  warmup: {
    type: 'integer',
    default: 30,
    min: 2,
    max: 100_000,
    doc: 'Ticks since the first line of a template (or service) before its rate is judged.',
  },
  memory: { type: 'integer', default: 360, min: 10, max: 1_000_000, doc: 'Ticks that the usual rate remembers.' },
  missing: {
    type: 'number',
    default: 8,
    min: 1,
    max: 1000,
    doc: 'Occurrences that must be overdue before a template counts as missing.',
  },
  report: { type: 'number', default: 0.05, min: 1e-6, max: 1, doc: 'Findings with a larger p are not reported.' },
} as const satisfies OptionsSpec;
export type LogRateOptions = Options<typeof LOG_RATE_OPTIONS>;

const VERSION = 1;
/** Doubles a template: ticks known, mean, variance, expected since last seen, count of the open tick, generation. */
const WIDTH = 6;
const TICKS = 0;
const MEAN = 1;
const VARIANCE = 2;
const OVERDUE = 3;
const NOW = 4;
const GENERATION = 5;
/** Doubles a service: mean lines a tick, lines of this tick, error with and without the hour's factor, hours seen, then 24 factors. */
const SERVICE_WIDTH = 30;
const S_MEAN = 0;
const S_LINES = 1;
const S_PLAIN = 2;
const S_DAILY = 3;
const S_TICKS = 4;
const S_STRANGE = 5;
const S_HOUR = 6;
const MAX_FINDINGS = 3;

interface Finding {
  readonly template: number;
  readonly p: number;
  readonly kind: AnomalyKind;
  readonly count: number;
  readonly expected: number;
}

/**
 * Bursts of a template and templates that stopped, per (service, template): the count of a tick against a negative
 * binomial whose mean and variance are exponentially weighted (zero ticks count); a missing pattern by the probability of
 * nothing at all while `missing` occurrences became overdue. The mean is scaled by a factor of the hour of day (UTC) once
 * that factor has predicted the service's volume better than none for two days. Strange counts are learnt clipped.
 */
export class LogRate {
  readonly name = 'log-rate';
  readonly #options: LogRateOptions;
  readonly #tails = new ScoreTails();
  #rows: Float64Array = new Float64Array(WIDTH * 256);
  #services: Float64Array = new Float64Array(SERVICE_WIDTH * 16);

  constructor(options: LogRateOptions) {
    this.#options = options;
  }

  /** At most three findings a service, p corrected for the templates compared; then learns the tick. */
  closeTick(tick: LogTick, templates: TemplateCatalogue, names: ServiceNames): Evidence[] {
    const size = templates.size;
    this.#rows = grown(this.#rows, size * WIDTH);
    const rows = this.#rows;
    for (let i = 0; i < tick.length; i += 1) rows[(tick.template[i] as number) * WIDTH + NOW] = tick.count[i] as number;
    for (let i = 0; i < tick.serviceLength; i += 1) {
      const service = tick.service[i] as number;
      this.#services = grown(this.#services, (service + 1) * SERVICE_WIDTH);
      this.#services[service * SERVICE_WIDTH + S_LINES] = tick.lines[i] as number;
    }
    const hour = Math.floor(tick.at / HOUR) % 24;
    const found = new Map<number, Finding[]>();
    const tested = new Map<number, number>();
    for (let template = 0; template < size; template += 1) {
      const service = templates.serviceOf(template);
      if (service < 0) continue;
      const finding = this.#template(template, templates.generationOf(template), this.#factor(service, hour));
      if (finding === null) continue;
      tested.set(service, (tested.get(service) ?? 0) + 1);
      // A service that says nothing at all is silent as a whole: that is told once, elsewhere.
      const isSilent = (this.#services[service * SERVICE_WIDTH + S_LINES] ?? 0) === 0;
      if (finding.p > 0.01 || (isSilent && finding.kind === 'pattern-missing')) continue;
      const list = found.get(service);
      if (list === undefined) found.set(service, [finding]);
      else list.push(finding);
    }
    const evidence: Evidence[] = [];
    for (const [service, tests] of tested) {
      const list = (found.get(service) ?? []).sort((a, b) => a.p - b.p || a.template - b.template);
      const p = this.#tails.observe(service, smallestOf(list[0]?.p ?? 1, tests));
      if (p > this.#options.report) continue;
      for (const finding of list.slice(0, MAX_FINDINGS)) {
        evidence.push(describe(finding, Math.max(p, smallestOf(finding.p, tests)), tick, templates, names(service)));
      }
    }
    this.#learnServices(hour);
    return evidence;
  }

  save(): StateBlob {
    return {
      version: VERSION,
      arrays: {
        rows: this.#rows.slice(),
        services: this.#services.slice(),
        tails: this.#tails.save().arrays['rows'] as Float32Array,
      },
      meta: null,
    };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION) throw new TocsinError('state_version', `log-rate state ${state.version} is unknown`);
    this.#rows = (state.arrays['rows'] as Float64Array).slice();
    this.#services = (state.arrays['services'] as Float64Array).slice();
    this.#tails.restore({ version: 1, arrays: { rows: state.arrays['tails'] as Float32Array }, meta: null });
  }

  #template(template: number, generation: number, factor: number): Finding | null {
    const rows = this.#rows;
    const r = template * WIDTH;
    if (rows[r + GENERATION] !== generation) {
      const now = rows[r + NOW] as number;
      rows.fill(0, r, r + WIDTH);
      rows[r + NOW] = now;
      rows[r + GENERATION] = generation;
    }
    const ticks = rows[r + TICKS] as number;
    const count = rows[r + NOW] as number;
    rows[r + NOW] = 0;
    const mean = rows[r + MEAN] as number;
    const expected = Math.max(1e-3, mean * factor);
    const variance = Math.max(rows[r + VARIANCE] as number, mean);
    // variance = mean + mean^2 / size; the factor scales both sides alike.
    const excess = Math.max(variance - mean, mean * mean * 0.02 + 1e-6);
    const size = Math.max(0.05, (mean * mean + 1e-6) / excess);
    let finding: Finding | null = null;
    let learnt = count;
    if (ticks >= this.#options.warmup) {
      const overdue = count > 0 ? 0 : (rows[r + OVERDUE] as number) + expected;
      rows[r + OVERDUE] = overdue;
      if (count > expected) {
        // A template that comes once an hour must not alarm by coming: the rarity detector speaks of those.
        const p = negativeBinomialAtLeast(count, Math.max(expected, 0.1), size);
        finding = { template, p, kind: 'pattern-burst', count, expected };
        if (p < 1e-4) learnt = Math.min(count, expected + 4 * Math.sqrt(variance) + 2);
      } else if (overdue >= this.#options.missing) {
        // Size of the sum of as many independent ticks as it took to become overdue would be larger: this is cautious.
        const p = (size / (size + overdue)) ** size;
        finding = { template, p, kind: 'pattern-missing', count, expected };
      } else finding = { template, p: 1, kind: 'pattern-burst', count, expected };
    }
    const alpha = Math.max(1 / this.#options.memory, 1 / (ticks + 1));
    const delta = learnt / factor - mean;
    rows[r + MEAN] = mean + alpha * delta;
    rows[r + VARIANCE] = (1 - alpha) * ((rows[r + VARIANCE] as number) + alpha * delta * delta);
    rows[r + TICKS] = ticks + 1;
    return finding;
  }

  /** The hour's factor where it has proven itself, else 1. */
  #factor(service: number, hour: number): number {
    const s = service * SERVICE_WIDTH;
    if (s >= this.#services.length) return 1;
    const isProven =
      (this.#services[s + S_TICKS] as number) > 48 &&
      (this.#services[s + S_DAILY] as number) < 0.8 * (this.#services[s + S_PLAIN] as number);
    if (!isProven) return 1;
    const factor = this.#services[s + S_HOUR + hour] as number;
    return factor > 0 ? Math.min(8, Math.max(0.125, factor)) : 1;
  }

  #learnServices(hour: number): void {
    const services = this.#services;
    for (let s = 0; s < services.length; s += SERVICE_WIDTH) {
      const lines = services[s + S_LINES] as number;
      const mean = services[s + S_MEAN] as number;
      if (lines === 0 && mean === 0) continue;
      services[s + S_LINES] = 0;
      const factor = (services[s + S_HOUR + hour] as number) || 1;
      // A day of 10 s ticks; hours are counted in fractions of the 360 ticks they have.
      const hours = services[s + S_TICKS] as number;
      const alpha = Math.max(1 / 8640, 1 / (hours * 360 + 1));
      services[s + S_PLAIN] = (services[s + S_PLAIN] as number) * 0.9995 + Math.abs(lines - mean);
      services[s + S_DAILY] = (services[s + S_DAILY] as number) * 0.9995 + Math.abs(lines - mean * factor);
      services[s + S_MEAN] = mean + alpha * (lines - mean);
      const ratio = lines / Math.max(1e-9, services[s + S_MEAN] as number);
      services[s + S_HOUR + hour] = factor + (Math.min(8, ratio) - factor) / 360;
      services[s + S_TICKS] = hours + 1 / 360;
      services[s + S_STRANGE] = 0;
    }
  }
}

export function createLogRate(options: Partial<LogRateOptions> = {}): LogRate {
  return new LogRate({ ...defaultsOf(LOG_RATE_OPTIONS), ...options });
}

function describe(finding: Finding, p: number, tick: LogTick, templates: TemplateCatalogue, service: string): Evidence {
  const { template, kind, count, expected } = finding;
  const text = templates.textOf(template);
  const usual = expected >= 10 ? expected.toFixed(0) : expected.toPrecision(2);
  const seconds = tick.durationMs / 1000;
  return createEvidence({
    service,
    modality: 'log',
    metric: 'log.template_rate',
    kind,
    at: tick.at,
    p,
    value: count,
    expected,
    text:
      kind === 'pattern-burst'
        ? `${count} lines in ${seconds} s, usually ${usual}, in ${service}: "${text}"`
        : `no line since long, usually ${usual} in ${seconds} s, in ${service}: "${text}"`,
    subject: text,
    example: templates.exampleOf(template),
  });
}

function grown(old: Float64Array, needed: number): Float64Array {
  if (needed <= old.length) return old;
  const next = new Float64Array(Math.max(needed, old.length * 2));
  next.set(old);
  return next;
}
