import type { Evidence } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { createEvidence, type LogTick, type ServiceNames, type TemplateCatalogue } from '../../domain/signal/ticks.ts';
import { ScoreTails } from '../../stats/tails/score-tails.ts';

export const LOG_COUNTS_OPTIONS = {
  prototypes: { type: 'integer', default: 32, min: 2, max: 256, doc: 'Typical mixtures of templates kept a service.' },
  dimensions: {
    type: 'integer',
    default: 128,
    min: 16,
    max: 4096,
    doc: 'Templates told apart in a mixture; further ones share a place.',
  },
  support: {
    type: 'integer',
    default: 3,
    min: 1,
    max: 1000,
    doc: 'Ticks that a mixture must have been seen in to count as typical.',
  },
  warmup: { type: 'integer', default: 60, min: 2, max: 100_000, doc: 'Ticks with lines before a service is judged.' },
  minLines: {
    type: 'integer',
    default: 5,
    min: 1,
    max: 100_000,
    doc: 'Ticks with fewer lines are neither judged nor learnt.',
  },
  report: { type: 'number', default: 0.05, min: 1e-6, max: 1, doc: 'Findings with a larger p are not reported.' },
} as const satisfies OptionsSpec;
export type LogCountsOptions = Options<typeof LOG_COUNTS_OPTIONS>;

const VERSION = 1;
/** -log10 p claimed per unit of L1 distance (0..2); the tails turn it into what history supports. */
const CLAIM = 4;

interface Service {
  ticks: number;
  /** Ticks in which each place was used. */
  readonly used: Float32Array;
  readonly support: Float32Array;
  readonly prototypes: Float32Array;
  /** Running mean of the distance to the nearest prototype. */
  usual: number;
}

/**
 * The mixture of log templates in a tick against up to 32 typical mixtures of the service (online k-means; L1 distance of
 * normalised log counts, weighted by rarity as idf). After Landauer et al., count vectors with idf beat most deep models.
 */
export class LogCounts {
  readonly name = 'log-counts';
  readonly #options: LogCountsOptions;
  readonly #tails = new ScoreTails();
  readonly #services: (Service | undefined)[] = [];
  readonly #vector: Float32Array;
  readonly #lead: Int32Array;

  constructor(options: LogCountsOptions) {
    this.#options = options;
    this.#vector = new Float32Array(options.dimensions);
    this.#lead = new Int32Array(options.dimensions);
  }

  closeTick(tick: LogTick, templates: TemplateCatalogue, names: ServiceNames): Evidence[] {
    const found: Evidence[] = [];
    const rows = new Map<number, number[]>();
    for (let i = 0; i < tick.length; i += 1) {
      const service = templates.serviceOf(tick.template[i] as number);
      const list = rows.get(service);
      if (list === undefined) rows.set(service, [i]);
      else list.push(i);
    }
    for (let i = 0; i < tick.serviceLength; i += 1) {
      const service = tick.service[i] as number;
      const own = rows.get(service);
      if (own === undefined || (tick.lines[i] as number) < this.#options.minLines) continue;
      const state = this.#service(service);
      if (!this.#fill(state, tick, own)) continue;
      const [nearest, distance] = this.#nearest(state, this.#options.support);
      if (state.ticks >= this.#options.warmup && nearest >= 0) {
        const p = this.#tails.observe(service, 10 ** (-CLAIM * distance));
        if (p <= this.#options.report)
          found.push(this.#describe(state, nearest, distance, p, tick, templates, names(service)));
      }
      this.#learn(state, tick, own);
    }
    return found;
  }

  save(): StateBlob {
    const live = this.#services.flatMap((state, index) => (state === undefined ? [] : [{ index, state }]));
    const { dimensions, prototypes } = this.#options;
    const width = dimensions * (prototypes + 1) + prototypes;
    const packed = new Float32Array(live.length * width);
    live.forEach(({ state }, i) => {
      packed.set(state.used, i * width);
      packed.set(state.support, i * width + dimensions);
      packed.set(state.prototypes, i * width + dimensions + prototypes);
    });
    return {
      version: VERSION,
      arrays: { packed, tails: this.#tails.save().arrays['rows'] as Float32Array },
      meta: { dimensions, prototypes, services: live.map(({ index, state }) => [index, state.ticks, state.usual]) },
    };
  }

  restore(state: StateBlob): void {
    const meta = state.meta as { dimensions: number; prototypes: number; services: [number, number, number][] };
    const { dimensions, prototypes } = this.#options;
    if (state.version !== VERSION || meta.dimensions !== dimensions || meta.prototypes !== prototypes) {
      throw new TocsinError('state_version', 'log-counts state of another version or shape');
    }
    const width = dimensions * (prototypes + 1) + prototypes;
    const packed = state.arrays['packed'] as Float32Array;
    this.#services.length = 0;
    meta.services.forEach(([index, ticks, usual], i) => {
      const at = i * width;
      this.#services[index] = {
        ticks,
        usual,
        used: packed.slice(at, at + dimensions),
        support: packed.slice(at + dimensions, at + dimensions + prototypes),
        prototypes: packed.slice(at + dimensions + prototypes, at + width),
      };
    });
    this.#tails.restore({ version: 1, arrays: { rows: state.arrays['tails'] as Float32Array }, meta: null });
  }

  #service(service: number): Service {
    const known = this.#services[service];
    if (known !== undefined) return known;
    const { dimensions, prototypes } = this.#options;
    const made = {
      ticks: 0,
      usual: 0.2,
      used: new Float32Array(dimensions),
      support: new Float32Array(prototypes),
      prototypes: new Float32Array(dimensions * prototypes),
    };
    this.#services[service] = made;
    return made;
  }

  /** The tick's normalised mixture in `#vector`; false if it has no weight. */
  #fill(state: Service, tick: LogTick, own: readonly number[]): boolean {
    const vector = this.#vector.fill(0);
    const { dimensions } = this.#options;
    let sum = 0;
    for (const i of own) {
      const template = tick.template[i] as number;
      const place = template % dimensions;
      const idf = Math.log((state.ticks + 2) / ((state.used[place] as number) + 1)) + 0.1;
      const weight = Math.log1p(tick.count[i] as number) * idf;
      vector[place] = (vector[place] as number) + weight;
      this.#lead[place] = template;
      sum += weight;
    }
    if (!(sum > 0)) return false;
    for (let d = 0; d < dimensions; d += 1) vector[d] = (vector[d] as number) / sum;
    return true;
  }

  #nearest(state: Service, support: number): [number, number] {
    const { dimensions, prototypes } = this.#options;
    let nearest = -1;
    let best = Number.POSITIVE_INFINITY;
    for (let k = 0; k < prototypes; k += 1) {
      if ((state.support[k] as number) < support) continue;
      let distance = 0;
      for (let d = 0; d < dimensions; d += 1) {
        distance += Math.abs((this.#vector[d] as number) - (state.prototypes[k * dimensions + d] as number));
      }
      if (distance < best) {
        best = distance;
        nearest = k;
      }
    }
    return [nearest, best];
  }

  #learn(state: Service, tick: LogTick, own: readonly number[]): void {
    const { dimensions, prototypes } = this.#options;
    for (const i of own) {
      const place = (tick.template[i] as number) % dimensions;
      state.used[place] = (state.used[place] as number) + 1;
    }
    state.ticks += 1;
    const [nearest, distance] = this.#nearest(state, 1);
    if (nearest >= 0 && distance < Math.max(0.1, 1.5 * state.usual)) {
      const support = state.support[nearest] as number;
      const alpha = Math.max(0.02, 1 / (support + 1));
      for (let d = 0; d < dimensions; d += 1) {
        const at = nearest * dimensions + d;
        const old = state.prototypes[at] as number;
        state.prototypes[at] = old + alpha * ((this.#vector[d] as number) - old);
      }
      state.support[nearest] = support + 1;
      state.usual += 0.02 * (distance - state.usual);
      return;
    }
    // A new mixture takes the place with the least support; support fades so that old mixtures can lose theirs.
    let weakest = 0;
    for (let k = 0; k < prototypes; k += 1) {
      state.support[k] = (state.support[k] as number) * 0.999;
      if ((state.support[k] as number) < (state.support[weakest] as number)) weakest = k;
    }
    state.prototypes.set(this.#vector, weakest * dimensions);
    state.support[weakest] = 1;
    if (nearest >= 0) state.usual += 0.005 * (Math.min(distance, 1) - state.usual);
  }

  #describe(
    state: Service,
    nearest: number,
    distance: number,
    p: number,
    tick: LogTick,
    templates: TemplateCatalogue,
    service: string,
  ): Evidence {
    const { dimensions } = this.#options;
    let place = 0;
    let most = -1;
    for (let d = 0; d < dimensions; d += 1) {
      const more = (this.#vector[d] as number) - (state.prototypes[nearest * dimensions + d] as number);
      if (more > most) {
        most = more;
        place = d;
      }
    }
    const template = this.#lead[place] as number;
    const text = templates.textOf(template);
    return createEvidence({
      service,
      modality: 'log',
      metric: 'log.mixture',
      kind: 'new-pattern',
      at: tick.at,
      p,
      value: distance,
      expected: state.usual,
      text: `unusual mixture of log lines in ${service}, mostly more of "${text}"`,
      subject: text,
      example: templates.exampleOf(template),
    });
  }
}

export function createLogCounts(options: Partial<LogCountsOptions> = {}): LogCounts {
  return new LogCounts({ ...defaultsOf(LOG_COUNTS_OPTIONS), ...options });
}
