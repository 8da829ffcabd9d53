import type { Evidence } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { LogBatch } from '../../domain/signal/batch.ts';
import { createEvidence, type LogTick, type ServiceNames, type TemplateCatalogue } from '../../domain/signal/ticks.ts';
import { poissonAtLeast } from '../../stats/tails/count-tails.ts';
import { ScoreTails } from '../../stats/tails/score-tails.ts';

export const LOG_SEQUENCE_OPTIONS = {
  sessions: {
    type: 'integer',
    default: 65_536,
    min: 256,
    max: 16_777_216,
    doc: 'Sessions (trace ids) followed at once, 8 bytes each; rounded up to a power of two.',
  },
  pairs: {
    type: 'integer',
    default: 65_536,
    min: 256,
    max: 16_777_216,
    doc: 'Pairs of consecutive templates remembered, 12 bytes each; rounded up to a power of two.',
  },
  warmup: { type: 'integer', default: 60, min: 1, max: 100_000, doc: 'Ticks with pairs before a service is judged.' },
  report: { type: 'number', default: 0.05, min: 1e-6, max: 1, doc: 'Findings with a larger p are not reported.' },
} as const satisfies OptionsSpec;
export type LogSequenceOptions = Options<typeof LOG_SEQUENCE_OPTIONS>;

const VERSION = 1;
const SESSION_ROW = 2;
const ROW = 3;
const PROBES = 8;
/** Doubles a service: ticks, decayed ticks, decayed pairs, decayed new pairs, pairs and new pairs of this tick. */
const WIDTH = 6;
const KEEP = 0.9998;
const EXAMPLES = 3;
const EXAMPLE_BYTES = 512;

interface Novelty {
  readonly service: number;
  readonly before: number;
  readonly after: number;
  readonly line: string;
}

/**
 * Pairs of consecutive templates inside a session (trace id, or an id found in the line) that were never seen before, per
 * service and tick: their number against a Poisson at the service's decayed rate of new pairs per tick. Pairs are learnt
 * at once; both tables are bounded and age by overwriting.
 */
export class LogSequence {
  readonly name = 'log-sequence';
  readonly #options: LogSequenceOptions;
  readonly #decode: (bytes: Uint8Array) => string;
  readonly #tails = new ScoreTails();
  readonly #sessions: Int32Array;
  readonly #pairs: Int32Array;
  #services: Float64Array = new Float64Array(WIDTH * 16);
  #novelties: Novelty[] = [];
  #scratch: Int32Array = new Int32Array(6144);

  constructor(options: LogSequenceOptions, decode: (bytes: Uint8Array) => string) {
    this.#options = options;
    this.#decode = decode;
    this.#sessions = new Int32Array(powerOfTwo(options.sessions) * SESSION_ROW);
    this.#pairs = new Int32Array(powerOfTwo(options.pairs) * ROW);
  }

  /** `templates[i]` and the session key (`sessions[2 * i]`, `[2 * i + 1]`; both zero: none) belong to record i. */
  observe(batch: LogBatch, templates: Int32Array, sessions: Int32Array): void {
    const table = this.#sessions;
    const mask = table.length / SESSION_ROW - 1;
    const { length, service: services } = batch;
    if (this.#scratch.length < length * 3) this.#scratch = new Int32Array(length * 6);
    const scratch = this.#scratch;
    // Three loops, so that the misses of the session table overlap, and then those of the pair table.
    let followed = 0;
    for (let i = 0; i < length; i += 1) {
      const lo = sessions[i * 2] as number;
      const hi = sessions[i * 2 + 1] as number;
      if ((lo | hi) === 0) continue;
      // 32 bits name the session beside its place: two sessions are taken for one once in billions of lines.
      const key = Math.imul(lo ^ Math.imul((services[i] as number) + 1, 0x9e3779b1 | 0), 0x85ebca6b | 0) ^ hi;
      const at = ((lo ^ (key >>> 11)) & mask) * SESSION_ROW;
      scratch[followed] = i;
      // The third word is overwritten below; reading it here brings the row near.
      scratch[followed + 1] = key;
      scratch[followed + 2] = (at << 1) | ((table[at] as number) & 1);
      followed += 3;
    }
    const pairs = this.#pairs;
    const pairMask = pairs.length / ROW - 1;
    for (let k = 0; k < followed; k += 3) {
      const i = scratch[k] as number;
      const key = scratch[k + 1] as number;
      const at = (scratch[k + 2] as number) >>> 1;
      const template = templates[i] as number;
      const before = table[at] === key ? (table[at + 1] as number) : 0;
      table[at] = key;
      table[at + 1] = template + 1;
      // The first line of a session follows "nothing": a session that starts oddly is odd. It is told apart by its service:
      // 0 alone would be shared by all.
      const first = before === 0 ? -1 - (services[i] as number) : before;
      const place = (homeOf(first, template + 1) & pairMask) * ROW;
      scratch[k + 1] = first;
      scratch[k + 2] = pairs[place] === first && pairs[place + 1] === template + 1 ? place : -1;
    }
    for (let k = 0; k < followed; k += 3) {
      const i = scratch[k] as number;
      this.#pair(
        batch,
        i,
        services[i] as number,
        scratch[k + 1] as number,
        templates[i] as number,
        scratch[k + 2] as number,
      );
    }
  }

  /** At most one finding a service; then starts the next tick. */
  closeTick(tick: LogTick, templates: TemplateCatalogue, names: ServiceNames): Evidence[] {
    const found: Evidence[] = [];
    const rows = this.#services;
    for (let service = 0; service * WIDTH < rows.length; service += 1) {
      const r = service * WIDTH;
      const pairs = rows[r + 4] as number;
      if (pairs === 0) continue;
      const fresh = rows[r + 5] as number;
      if ((rows[r] as number) >= this.#options.warmup) {
        const perTick = ((rows[r + 3] as number) + 1) / ((rows[r + 1] as number) + 1);
        const perPair = (((rows[r + 3] as number) + 1) / ((rows[r + 2] as number) + 1)) * pairs;
        const p = this.#tails.observe(service, poissonAtLeast(fresh, Math.max(perTick, perPair)));
        if (p <= this.#options.report && fresh > 0)
          this.#describe(found, service, fresh, p, tick, templates, names(service));
        rows[r + 1] = (rows[r + 1] as number) * KEEP + 1;
        rows[r + 2] = (rows[r + 2] as number) * KEEP + pairs;
        rows[r + 3] = (rows[r + 3] as number) * KEEP + fresh;
      }
      rows[r] = (rows[r] as number) + 1;
      rows[r + 4] = 0;
      rows[r + 5] = 0;
    }
    this.#novelties = [];
    return found;
  }

  save(): StateBlob {
    return {
      version: VERSION,
      arrays: {
        sessions: this.#sessions.slice(),
        pairs: this.#pairs.slice(),
        services: this.#services.slice(),
        tails: this.#tails.save().arrays['rows'] as Float32Array,
      },
      meta: { novelties: this.#novelties.map((novelty) => ({ ...novelty })) },
    };
  }

  restore(state: StateBlob): void {
    const sessions = state.arrays['sessions'] as Int32Array;
    const pairs = state.arrays['pairs'] as Int32Array;
    if (state.version !== VERSION || sessions.length !== this.#sessions.length || pairs.length !== this.#pairs.length) {
      throw new TocsinError('state_version', 'log-sequence state of another version or size');
    }
    this.#sessions.set(sessions);
    this.#pairs.set(pairs);
    this.#services = (state.arrays['services'] as Float64Array).slice();
    this.#tails.restore({ version: 1, arrays: { rows: state.arrays['tails'] as Float32Array }, meta: null });
    this.#novelties = (state.meta as { novelties: Novelty[] }).novelties.map((novelty) => ({ ...novelty }));
  }

  /** `place` is where the pair was found in the table before, or -1; another pair may have taken it since. */
  #pair(batch: LogBatch, i: number, service: number, first: number, template: number, place: number): void {
    if ((service + 1) * WIDTH > this.#services.length) {
      const next = new Float64Array(Math.max((service + 1) * WIDTH, this.#services.length * 2));
      next.set(this.#services);
      this.#services = next;
    }
    const r = service * WIDTH;
    this.#services[r + 4] = (this.#services[r + 4] as number) + 1;
    const pairs = this.#pairs;
    if (place >= 0 && pairs[place] === first && pairs[place + 1] === template + 1) {
      const count = pairs[place + 2] as number;
      if (count > 0) {
        if (count < 0x7fffffff) pairs[place + 2] = count + 1;
        return;
      }
    }
    if (this.#know(first, template + 1)) return;
    const fresh = (this.#services[r + 5] as number) + 1;
    this.#services[r + 5] = fresh;
    if (fresh > EXAMPLES) return;
    const start = batch.bodyStart[i] as number;
    const line = this.#decode(
      batch.buffer.subarray(start, Math.min(batch.bodyEnd[i] as number, start + EXAMPLE_BYTES)),
    );
    this.#novelties.push({ service, before: first < 0 ? -1 : first - 1, after: template, line });
  }

  /** Whether the pair was known; learns it. */
  #know(first: number, second: number): boolean {
    const pairs = this.#pairs;
    const mask = pairs.length / ROW - 1;
    const home = homeOf(first, second);
    let victim = -1;
    let least = 0x7fffffff;
    for (let probe = 0; probe < PROBES; probe += 1) {
      const at = ((home + probe) & mask) * ROW;
      const count = pairs[at + 2] as number;
      if (pairs[at] === first && pairs[at + 1] === second && count > 0) {
        if (count < 0x7fffffff) pairs[at + 2] = count + 1;
        return true;
      }
      if (count < least) {
        least = count;
        victim = at;
      }
      if (count === 0) break;
    }
    pairs[victim] = first;
    pairs[victim + 1] = second;
    pairs[victim + 2] = 1;
    return false;
  }

  #describe(
    found: Evidence[],
    service: number,
    fresh: number,
    p: number,
    tick: LogTick,
    templates: TemplateCatalogue,
    name: string,
  ): void {
    const novelty = this.#novelties.find((one) => one.service === service);
    if (novelty === undefined) return;
    const after = templates.textOf(novelty.after);
    const before = novelty.before < 0 ? 'the start of a session' : `"${templates.textOf(novelty.before)}"`;
    found.push(
      createEvidence({
        service: name,
        modality: 'log',
        metric: 'log.sequence',
        kind: 'sequence',
        at: tick.at,
        p,
        value: fresh,
        expected: 0,
        text: `${fresh} new order${fresh > 1 ? 's' : ''} of log lines in ${name}: "${after}" right after ${before}`,
        subject: after,
        example: novelty.line,
      }),
    );
  }
}

export function createLogSequence(
  decode: (bytes: Uint8Array) => string,
  options: Partial<LogSequenceOptions> = {},
): LogSequence {
  return new LogSequence({ ...defaultsOf(LOG_SEQUENCE_OPTIONS), ...options }, decode);
}

function homeOf(first: number, second: number): number {
  const mixed = Math.imul(first, 0x9e3779b1 | 0) ^ Math.imul(second, 0x85ebca6b | 0);
  return mixed ^ (mixed >>> 15);
}

function powerOfTwo(size: number): number {
  return 1 << (32 - Math.clz32(Math.max(2, size) - 1));
}
