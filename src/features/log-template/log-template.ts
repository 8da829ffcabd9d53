import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf } from '../../domain/options.ts';
import type { LogBatch } from '../../domain/signal/batch.ts';
import type { TemplateInfo } from '../../domain/signal/history.ts';
import type { LogTick, ServiceNames, TemplateCatalogue } from '../../domain/signal/ticks.ts';
import type { EpochMs } from '../../domain/units.ts';
import { SignatureCache } from '../../stats/signature-cache.ts';
import { Drain } from './drain.ts';
import { MAX_LINE_BYTES, maskTokens } from './mask.ts';
import { LOG_TEMPLATE_OPTIONS, type LogTemplateOptions } from './options.ts';
import { SignatureScanner } from './signature.ts';
import { copyOf, grown, type Template } from './template.ts';
import { templateId } from './template-id.ts';

export { LOG_TEMPLATE_OPTIONS, type LogTemplateOptions } from './options.ts';
export { createLogTick } from './template.ts';

/** Turns UTF-8 bytes into text; the kernel has no TextDecoder, so the caller hands one in. */
export type DecodeText = (bytes: Uint8Array) => string;

const VERSION = 1;
const ERROR_SEVERITY = 17;
const EXAMPLE_CHARACTERS = 512;
const OTHER = '<other lines>';

/**
 * Line -> template index. A byte signature cache stands in front of one Drain tree a service; a hit makes no string.
 * Counts per template and service are kept until `closeTick`. Bounded: templates, cache and bytes read of a line.
 */
export class LogTemplates implements TemplateCatalogue {
  /** Lines put under a catch-all template because a cap was reached. */
  overflowed = 0;
  /** Lines whose shape was new: they cost about 2 us. */
  misses = 0;
  readonly #options: LogTemplateOptions;
  readonly #decode: DecodeText;
  readonly #scanner = new SignatureScanner();
  readonly #cache: SignatureCache;
  readonly #trees = new Map<number, { readonly drain: Drain; templates: number; other: number }>();
  readonly #templates: (Template | null)[] = [];
  readonly #free: number[] = [];
  #fresh: number[] = [];
  #generation: Int32Array = new Int32Array(256);
  #lastSeen: Float64Array = new Float64Array(256);
  #counts: Int32Array = new Int32Array(256);
  #touched: Int32Array = new Int32Array(256);
  #touchedLength = 0;
  #lines: Int32Array = new Int32Array(64);
  #errors: Int32Array = new Int32Array(64);
  #services: Int32Array = new Int32Array(64);
  #servicesLength = 0;

  constructor(options: LogTemplateOptions, decode: DecodeText) {
    this.#options = options;
    this.#decode = decode;
    this.#cache = new SignatureCache(options.cacheSlots);
  }

  get size(): number {
    return this.#templates.length;
  }

  /** Templates in use. */
  get live(): number {
    return this.#templates.length - this.#free.length;
  }

  serviceOf(template: number): number {
    return this.#templates[template]?.service ?? -1;
  }

  severityOf(template: number): number {
    return this.#templates[template]?.severity ?? 0;
  }

  firstSeenOf(template: number): EpochMs {
    return this.#templates[template]?.firstSeen ?? 0;
  }

  generationOf(template: number): number {
    return this.#generation[template] ?? 0;
  }

  textOf(template: number): string {
    const found = this.#templates[template];
    if (found === undefined || found === null) return '';
    return found.tokens.length === 0 ? (found.text ?? '') : found.tokens.join(' ');
  }

  exampleOf(template: number): string {
    return this.#templates[template]?.example ?? '';
  }

  /** Lines counted under a template up to the last closed tick. */
  totalOf(template: number): number {
    return this.#templates[template]?.total ?? 0;
  }

  /** The template in words; the id stays the same while the text generalises. */
  describe(template: number, names: ServiceNames): TemplateInfo {
    const found = this.#templates[template];
    const service = names(found?.service ?? -1);
    return {
      id: templateId(service, found?.seed ?? ''),
      service,
      template: this.textOf(template),
      firstSeen: found?.firstSeen ?? 0,
      severity: found?.severity ?? 0,
      example: found?.example ?? '',
    };
  }

  /** Templates first seen since the last call. */
  takeNew(): number[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  /** Writes the template index of each record to `out` (length >= batch.length) and counts it into the open tick. */
  assign(batch: LogBatch, out: Int32Array): void {
    const scanner = this.#scanner;
    const cache = this.#cache;
    scanner.use(batch.buffer);
    const { length, service, bodyStart, bodyEnd, severity } = batch;
    for (let i = 0; i < length; i += 1) {
      const owner = service[i] as number;
      scanner.scan(bodyStart[i] as number, bodyEnd[i] as number, Math.imul(owner + 1, 0x2c1b3c6d));
      let template = cache.find(scanner.lo, scanner.hi);
      if (template < 0) {
        template = this.#miss(batch, i);
        cache.insert(scanner.lo, scanner.hi, template);
      }
      out[i] = template;
      const counts = this.#counts;
      const count = counts[template] as number;
      counts[template] = count + 1;
      if (count === 0) this.#touch(template);
      if (owner >= this.#lines.length) this.#growServices(owner + 1);
      const lines = this.#lines[owner] as number;
      this.#lines[owner] = lines + 1;
      if (lines === 0) {
        this.#services[this.#servicesLength] = owner;
        this.#servicesLength += 1;
      }
      if ((severity[i] as number) >= ERROR_SEVERITY) this.#errors[owner] = (this.#errors[owner] as number) + 1;
    }
  }

  /** Fills `tick` with what came since the last call, and starts the next tick. */
  closeTick(at: EpochMs, durationMs: number, tick: LogTick): void {
    tick.at = at;
    tick.durationMs = durationMs;
    const length = this.#touchedLength;
    if (tick.template.length < length) {
      tick.template = new Int32Array(length * 2);
      tick.count = new Int32Array(length * 2);
    }
    for (let i = 0; i < length; i += 1) {
      const template = this.#touched[i] as number;
      tick.template[i] = template;
      const count = this.#counts[template] as number;
      tick.count[i] = count;
      (this.#templates[template] as Template).total += count;
      this.#counts[template] = 0;
      this.#lastSeen[template] = at;
    }
    tick.length = length;
    this.#touchedLength = 0;
    const services = this.#servicesLength;
    if (tick.service.length < services) {
      tick.service = new Int32Array(services * 2);
      tick.lines = new Int32Array(services * 2);
      tick.errors = new Int32Array(services * 2);
    }
    for (let i = 0; i < services; i += 1) {
      const service = this.#services[i] as number;
      tick.service[i] = service;
      tick.lines[i] = this.#lines[service] as number;
      tick.errors[i] = this.#errors[service] as number;
      this.#lines[service] = 0;
      this.#errors[service] = 0;
    }
    tick.serviceLength = services;
    this.#servicesLength = 0;
    if (this.live > this.#options.maxTemplates * 0.9) this.#evict(at - this.#options.forgetAfter);
  }

  save(): StateBlob {
    const trees = [...this.#trees].map(([service, tree]) => ({
      service,
      templates: tree.templates,
      other: tree.other,
      clusters: [...tree.drain.clusters()].map(({ key, length, cluster }) => [length, key, cluster.template]),
    }));
    const size = this.#templates.length;
    return {
      version: VERSION,
      arrays: {
        ...this.#cache.save(),
        generation: this.#generation.slice(0, size),
        lastSeen: this.#lastSeen.slice(0, size),
        counts: this.#counts.slice(0, size),
        touched: this.#touched.slice(0, this.#touchedLength),
        services: this.#services.slice(0, this.#servicesLength),
        lines: this.#lines.slice(),
        errors: this.#errors.slice(),
      },
      meta: {
        trees,
        free: [...this.#free],
        fresh: [...this.#fresh],
        overflowed: this.overflowed,
        misses: this.misses,
        templates: copyOf(this.#templates),
      },
    };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION)
      throw new TocsinError('state_version', `log-template state ${state.version} is unknown`);
    const meta = state.meta as {
      trees: { service: number; templates: number; other: number; clusters: [number, string, number][] }[];
      free: number[];
      fresh: number[];
      overflowed: number;
      misses: number;
      templates: (Template | null)[];
    };
    const { arrays } = state;
    this.#cache.restore(arrays);
    this.#templates.length = 0;
    this.#templates.push(...copyOf(meta.templates));
    this.#free.splice(0, this.#free.length, ...meta.free);
    this.#fresh = [...meta.fresh];
    this.overflowed = meta.overflowed;
    this.misses = meta.misses;
    this.#trees.clear();
    for (const { service, templates, other, clusters } of meta.trees) {
      const drain = new Drain(this.#options);
      for (const [length, key, template] of clusters) {
        drain.adopt(length, key, { template, tokens: (this.#templates[template] as Template).tokens });
      }
      this.#trees.set(service, { drain, templates, other });
    }
    const capacity = Math.max(256, this.#templates.length * 2);
    this.#generation = grown(arrays['generation'] as Int32Array, new Int32Array(capacity));
    this.#lastSeen = grown(arrays['lastSeen'] as Float64Array, new Float64Array(capacity));
    this.#counts = grown(arrays['counts'] as Int32Array, new Int32Array(capacity));
    this.#touched = grown(arrays['touched'] as Int32Array, new Int32Array(capacity));
    this.#touchedLength = (arrays['touched'] as Int32Array).length;
    this.#lines = (arrays['lines'] as Int32Array).slice();
    this.#errors = (arrays['errors'] as Int32Array).slice();
    this.#services = grown(arrays['services'] as Int32Array, new Int32Array(this.#lines.length));
    this.#servicesLength = (arrays['services'] as Int32Array).length;
  }

  #miss(batch: LogBatch, i: number): number {
    this.misses += 1;
    const service = batch.service[i] as number;
    const start = batch.bodyStart[i] as number;
    const end = batch.bodyEnd[i] as number;
    const text = this.#decode(batch.buffer.subarray(start, Math.min(end, start + MAX_LINE_BYTES)));
    const tokens = maskTokens(text);
    let tree = this.#trees.get(service);
    if (tree === undefined) {
      tree = { drain: new Drain(this.#options), templates: 0, other: -1 };
      this.#trees.set(service, tree);
    }
    const known = tree.drain.find(tokens);
    if (known !== null) return known.template;
    const at = batch.time[i] as number;
    const isFull = this.live >= this.#options.maxTemplates || tree.templates >= this.#options.maxServiceTemplates;
    if (isFull) {
      this.overflowed += 1;
      if (tree.other < 0)
        tree.other = this.#add({
          service,
          severity: 0,
          firstSeen: at,
          text: OTHER,
          tokens: [],
          example: '',
          seed: OTHER,
          total: 0,
        });
      return tree.other;
    }
    tree.templates += 1;
    const severity = batch.severity[i] as number;
    const template = this.#add({
      service,
      severity,
      firstSeen: at,
      text: null,
      tokens,
      example: text.slice(0, EXAMPLE_CHARACTERS),
      seed: tokens.join(' '),
      total: 0,
    });
    tree.drain.insert(template, tokens);
    return template;
  }

  #add(template: Template): number {
    const index = this.#free.pop() ?? this.#templates.length;
    this.#templates[index] = template;
    this.#fresh.push(index);
    if (index >= this.#counts.length) {
      const capacity = this.#counts.length * 2;
      this.#generation = grown(this.#generation, new Int32Array(capacity));
      this.#lastSeen = grown(this.#lastSeen, new Float64Array(capacity));
      this.#counts = grown(this.#counts, new Int32Array(capacity));
      this.#touched = grown(this.#touched, new Int32Array(capacity));
    }
    this.#generation[index] = (this.#generation[index] as number) + 1;
    this.#lastSeen[index] = template.firstSeen;
    return index;
  }

  #touch(template: number): void {
    this.#touched[this.#touchedLength] = template;
    this.#touchedLength += 1;
  }

  /** Called between ticks only: nothing is counted under the templates that go. */
  #evict(before: EpochMs): void {
    for (const tree of this.#trees.values()) {
      const kept = (template: number): boolean => (this.#lastSeen[template] as number) >= before;
      tree.drain.prune(kept);
    }
    for (let i = 0; i < this.#templates.length; i += 1) {
      const template = this.#templates[i];
      if (template === null || template === undefined || template.tokens.length === 0) continue;
      if ((this.#lastSeen[i] as number) >= before) continue;
      const tree = this.#trees.get(template.service);
      if (tree !== undefined) tree.templates -= 1;
      this.#templates[i] = null;
      this.#free.push(i);
    }
    this.#cache.retain((template) => this.#templates[template] !== null);
  }

  #growServices(needed: number): void {
    const capacity = Math.max(needed, this.#lines.length * 2);
    this.#lines = grown(this.#lines, new Int32Array(capacity));
    this.#errors = grown(this.#errors, new Int32Array(capacity));
    this.#services = grown(this.#services, new Int32Array(capacity));
  }
}

export function createLogTemplates(decode: DecodeText, options: Partial<LogTemplateOptions> = {}): LogTemplates {
  return new LogTemplates({ ...defaultsOf(LOG_TEMPLATE_OPTIONS), ...options }, decode);
}
