import type { Evidence } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { createEvidence, type LogTick, type ServiceNames, type TemplateCatalogue } from '../../domain/signal/ticks.ts';
import type { EpochMs, ServiceIndex } from '../../domain/units.ts';
import { poissonAtLeast, smallestOf } from '../../stats/tails/count-tails.ts';
import { ScoreTails } from '../../stats/tails/score-tails.ts';

export const LOG_RARITY_OPTIONS = {
  warmup: { type: 'integer', default: 60, min: 1, max: 100_000, doc: 'Ticks with lines before a service is judged.' },
  halfLife: { type: 'duration', default: 43_200_000, min: 60_000, doc: 'Age at which what was seen counts half.' },
  rareBelow: {
    type: 'number',
    default: 3,
    min: 0,
    max: 1000,
    doc: 'A known template with a smaller decayed count is rare.',
  },
  rareAfter: {
    type: 'duration',
    default: 3_600_000,
    min: 0,
    doc: 'A known template is rare only if unseen for this long.',
  },
  deployQuiet: {
    type: 'duration',
    default: 1_800_000,
    min: 0,
    doc: 'After a deploy new templates count less for this long, below ERROR not at all.',
  },
  report: { type: 'number', default: 0.05, min: 1e-6, max: 1, doc: 'Findings with a larger p are not reported.' },
} as const satisfies OptionsSpec;
export type LogRarityOptions = Options<typeof LOG_RARITY_OPTIONS>;

const VERSION = 1;
const ERROR_SEVERITY = 17;
/** Doubles a service: ticks seen, decayed ticks, decayed lines, decayed count of each class, end of the quiet time. */
const WIDTH = 8;
const TICKS = 0;
const PAST_TICKS = 1;
const LINES = 2;
const CLASSES = 3;
const QUIET = 7;
/** Classes: new, new at ERROR or worse, rare, rare at ERROR or worse. */
const CLASS_COUNT = 4;
const CLASS_WORDS = ['new log pattern', 'new error pattern', 'rare log pattern', 'rare error pattern'] as const;
/** New templates of lower severity count this much less, so that a new error outweighs a new notice. */
const CLASS_SLOPE = [0.6, 1, 0.4, 0.7] as const;
/** Doubles a template: decayed count, time of its last tick, generation. */
const TEMPLATE_WIDTH = 3;

/**
 * New and rare log templates, per service and tick: the number of templates of a class in the tick against a Poisson
 * whose mean is the larger of the class's own decayed rate (plus one) and, for new ones, the Good-Turing mass (templates
 * seen once over all lines) of the tick's lines. What is seen during warm-up sets no rate, so a new service stays quiet.
 */
export class LogRarity {
  readonly name = 'log-rarity';
  readonly #options: LogRarityOptions;
  readonly #tails = new ScoreTails();
  #services: Float64Array = new Float64Array(WIDTH * 16);
  #templates: Float64Array = new Float64Array(TEMPLATE_WIDTH * 256);
  #at = 0;

  constructor(options: LogRarityOptions) {
    this.#options = options;
  }

  /** A new version of the service was seen. */
  deploy(service: ServiceIndex, at: EpochMs): void {
    this.#growServices(service);
    this.#services[service * WIDTH + QUIET] = at + this.#options.deployQuiet;
  }

  /** Evidence per service and class, p corrected for the classes; then learns the tick. */
  closeTick(tick: LogTick, templates: TemplateCatalogue, names: ServiceNames): Evidence[] {
    const found: Evidence[] = [];
    const keep = this.#at === 0 ? 1 : 0.5 ** (Math.max(0, tick.at - this.#at) / this.#options.halfLife);
    this.#at = Math.max(this.#at, tick.at);
    const counts = new Map<number, Int32Array>();
    const examples = new Map<number, Int32Array>();
    this.#growTemplates(templates.size);
    const singletons = new Map<number, number>();
    this.#decay(keep, templates, singletons);
    for (let i = 0; i < tick.length; i += 1) {
      const template = tick.template[i] as number;
      const service = templates.serviceOf(template);
      const kind = this.#classOf(template, templates, tick.at);
      this.#learnTemplate(template, tick.count[i] as number, templates, tick.at);
      if (kind < 0) continue;
      let own = counts.get(service);
      if (own === undefined) {
        own = new Int32Array(CLASS_COUNT);
        counts.set(service, own);
        examples.set(service, new Int32Array(CLASS_COUNT));
      }
      own[kind] = (own[kind] as number) + 1;
      const shown = examples.get(service) as Int32Array;
      if (own[kind] === 1 || templates.severityOf(template) > templates.severityOf(shown[kind] as number))
        shown[kind] = template;
    }
    for (let i = 0; i < tick.serviceLength; i += 1) {
      const service = tick.service[i] as number;
      this.#growServices(service);
      const at = service * WIDTH;
      const lines = tick.lines[i] as number;
      const own = counts.get(service);
      if ((this.#services[at + TICKS] as number) >= this.#options.warmup) {
        this.#judge(
          found,
          tick,
          service,
          lines,
          own,
          examples.get(service),
          singletons.get(service) ?? 0,
          templates,
          names,
        );
        this.#services[at + PAST_TICKS] = (this.#services[at + PAST_TICKS] as number) + 1;
        for (let c = 0; c < CLASS_COUNT && own !== undefined; c += 1) {
          this.#services[at + CLASSES + c] = (this.#services[at + CLASSES + c] as number) + (own[c] as number);
        }
      }
      this.#services[at + TICKS] = (this.#services[at + TICKS] as number) + 1;
      this.#services[at + LINES] = (this.#services[at + LINES] as number) + lines;
    }
    return found;
  }

  save(): StateBlob {
    return {
      version: VERSION,
      arrays: {
        services: this.#services.slice(),
        templates: this.#templates.slice(),
        tails: this.#tails.save().arrays['rows'] as Float32Array,
      },
      meta: { at: this.#at },
    };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION)
      throw new TocsinError('state_version', `log-rarity state ${state.version} is unknown`);
    this.#services = (state.arrays['services'] as Float64Array).slice();
    this.#templates = (state.arrays['templates'] as Float64Array).slice();
    this.#tails.restore({ version: 1, arrays: { rows: state.arrays['tails'] as Float32Array }, meta: null });
    this.#at = (state.meta as { at: number }).at;
  }

  #judge(
    found: Evidence[],
    tick: LogTick,
    service: number,
    lines: number,
    own: Int32Array | undefined,
    shown: Int32Array | undefined,
    singletons: number,
    templates: TemplateCatalogue,
    names: ServiceNames,
  ): void {
    const at = service * WIDTH;
    const isQuiet = tick.at < (this.#services[at + QUIET] as number);
    const mass = (singletons + 1) / ((this.#services[at + LINES] as number) + 1);
    let best = 1;
    let bestClass = 0;
    for (let c = 0; c < CLASS_COUNT && own !== undefined; c += 1) {
      const count = own[c] as number;
      if (count === 0 || (isQuiet && c % 2 === 0)) continue;
      const past =
        ((this.#services[at + CLASSES + c] as number) + 1) / ((this.#services[at + PAST_TICKS] as number) + 1);
      // Good-Turing speaks of all severities: errors get their small share of it.
      const expected = Math.max(past, c < 2 ? Math.min(1, mass * lines) * (c === 1 ? 0.1 : 1) : 0);
      const p = poissonAtLeast(count, expected) ** ((CLASS_SLOPE[c] as number) * (isQuiet ? 0.7 : 1));
      if (p < best) {
        best = p;
        bestClass = c;
      }
    }
    const p = this.#tails.observe(service, smallestOf(best, 2));
    if (p > this.#options.report || own === undefined || shown === undefined || best >= 1) return;
    const template = shown[bestClass] as number;
    const name = names(service);
    const count = own[bestClass] as number;
    const more = count > 1 ? ` and ${count - 1} more` : '';
    found.push(
      createEvidence({
        service: name,
        modality: 'log',
        metric: 'log.rarity',
        kind: 'new-pattern',
        at: tick.at,
        p,
        value: count,
        expected: 0,
        text: `${CLASS_WORDS[bestClass] as string} in ${name}${more}: "${templates.textOf(template)}"`,
        subject: templates.textOf(template),
        example: templates.exampleOf(template),
      }),
    );
  }

  #classOf(template: number, templates: TemplateCatalogue, at: EpochMs): number {
    const t = template * TEMPLATE_WIDTH;
    const isError = templates.severityOf(template) >= ERROR_SEVERITY ? 1 : 0;
    if (this.#templates[t + 2] !== templates.generationOf(template)) return isError;
    const isRare =
      (this.#templates[t] as number) < this.#options.rareBelow &&
      at - (this.#templates[t + 1] as number) >= this.#options.rareAfter;
    return isRare ? 2 + isError : -1;
  }

  #learnTemplate(template: number, count: number, templates: TemplateCatalogue, at: EpochMs): void {
    const t = template * TEMPLATE_WIDTH;
    const generation = templates.generationOf(template);
    if (this.#templates[t + 2] !== generation) {
      this.#templates[t] = 0;
      this.#templates[t + 2] = generation;
    }
    this.#templates[t] = (this.#templates[t] as number) + count;
    this.#templates[t + 1] = at;
  }

  #decay(keep: number, templates: TemplateCatalogue, singletons: Map<number, number>): void {
    for (
      let template = 0;
      template * TEMPLATE_WIDTH < this.#templates.length && template < templates.size;
      template += 1
    ) {
      const t = template * TEMPLATE_WIDTH;
      if (this.#templates[t + 2] === 0) continue;
      const count = (this.#templates[t] as number) * keep;
      this.#templates[t] = count;
      if (count > 0.5 && count < 1.5) {
        const service = templates.serviceOf(template);
        singletons.set(service, (singletons.get(service) ?? 0) + 1);
      }
    }
    for (let at = 0; at < this.#services.length; at += WIDTH) {
      for (let i = PAST_TICKS; i < QUIET; i += 1) this.#services[at + i] = (this.#services[at + i] as number) * keep;
    }
  }

  #growServices(service: number): void {
    this.#services = grown(this.#services, (service + 1) * WIDTH);
  }

  #growTemplates(size: number): void {
    this.#templates = grown(this.#templates, size * TEMPLATE_WIDTH);
  }
}

export function createLogRarity(options: Partial<LogRarityOptions> = {}): LogRarity {
  return new LogRarity({ ...defaultsOf(LOG_RARITY_OPTIONS), ...options });
}

function grown(old: Float64Array, needed: number): Float64Array {
  if (needed <= old.length) return old;
  const next = new Float64Array(Math.max(needed, old.length * 2));
  next.set(old);
  return next;
}
