import { createLogBatch, type LogBatch } from '../domain/signal/batch.ts';
import type { LogTick, TemplateCatalogue } from '../domain/signal/ticks.ts';

/** A made-up world of log templates for tests of the log detectors: templates 0 and 1 belong to service 0. */
export class LogWorld implements TemplateCatalogue {
  at = 1_700_000_000_000;
  readonly #templates: { text: string; service: number; severity: number }[] = [];
  readonly names = (service: number): string => `service-${service}`;

  constructor() {
    this.add('request <*> served', 0, 9);
    this.add('cache refreshed', 0, 9);
  }

  get size(): number {
    return this.#templates.length;
  }

  add(text: string, service: number, severity: number): number {
    this.#templates.push({ text, service, severity });
    return this.#templates.length - 1;
  }

  serviceOf(template: number): number {
    return this.#templates[template]?.service ?? -1;
  }

  severityOf(template: number): number {
    return this.#templates[template]?.severity ?? 0;
  }

  generationOf(): number {
    return 1;
  }

  textOf(template: number): string {
    return this.#templates[template]?.text ?? '';
  }

  exampleOf(template: number): string {
    return `example of ${this.textOf(template)}`;
  }

  /** The next tick of 10 s with the given [template, count] rows. */
  tick(rows: readonly (readonly [number, number])[]): LogTick {
    this.at += 10_000;
    const seen = rows.filter(([, count]) => count > 0);
    const services = [...new Set(seen.map(([template]) => this.serviceOf(template)))];
    const linesOf = (service: number): number =>
      seen.filter(([template]) => this.serviceOf(template) === service).reduce((sum, [, count]) => sum + count, 0);
    return {
      at: this.at,
      durationMs: 10_000,
      length: seen.length,
      template: Int32Array.from(seen, ([template]) => template),
      count: Int32Array.from(seen, ([, count]) => count),
      serviceLength: services.length,
      service: Int32Array.from(services),
      lines: Int32Array.from(services, linesOf),
      errors: new Int32Array(services.length),
    };
  }

  /** Records with the given ASCII bodies of service 0. */
  batch(bodies: readonly string[]): LogBatch {
    const batch = createLogBatch(bodies.length);
    const parts = bodies.map((body) => Uint8Array.from(body, (character) => character.charCodeAt(0)));
    batch.buffer = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    parts.forEach((part, i) => {
      batch.buffer.set(part, offset);
      batch.bodyStart[i] = offset;
      offset += part.length;
      batch.bodyEnd[i] = offset;
      batch.time[i] = this.at;
    });
    batch.length = bodies.length;
    return batch;
  }
}
