import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { LogBatch } from '../../domain/signal/batch.ts';

const VERSION = 1;
/** Lines of a service without a trace id that are studied before a prefix is chosen, and again after so many more. */
const STUDY = 2000;
const REPEAT = 200_000;
const MAX_PREFIX = 16;
const MIN_PREFIX = 3;
const MAX_PREFIXES = 64;
const MAX_SERVICES = 4096;
const MAX_BYTES = 512;

interface Study {
  lines: number;
  /** Bytes before the first digit or sign of id-like tokens, as text -> [lines that held one, lines whose id was seen before]. */
  prefixes: Map<string, [number, number]>;
  seen: Set<number>;
  /** The chosen prefix, empty for none. */
  prefix: string;
  bytes: number[];
}

/**
 * The session of each log record: its trace id, else the id of the kind that repeats most in the lines of its service
 * ("blk_", "req-", "container_"). Rule: tokens of at least three letters or marks followed by at least four digits or hex
 * digits are id-like; the prefix found in most lines (at least 30 %), whose ids come back (at least 40 % of the time) but
 * are many, is the session. Studied on the first 2000 lines of a service and again every 200,000.
 */
export class SessionKeys {
  readonly #studies = new Map<number, Study>();

  /** Writes two words per record to `out` (length >= 2 * batch.length); both zero where there is no session. */
  keys(batch: LogBatch, out: Int32Array): void {
    const { length, traceIds, service } = batch;
    const aligned = traceIds.byteOffset % 4 === 0 ? traceIds : traceIds.slice();
    const ids = new Int32Array(aligned.buffer, aligned.byteOffset, length * 4);
    let owner = -1;
    let study: Study | undefined;
    for (let i = 0; i < length; i += 1) {
      const a = (ids[i * 4] as number) ^ Math.imul(ids[i * 4 + 2] as number, 0x9e3779b1 | 0);
      const b = (ids[i * 4 + 1] as number) ^ Math.imul(ids[i * 4 + 3] as number, 0x85ebca6b | 0);
      out[i * 2] = a;
      out[i * 2 + 1] = b;
      if ((a | b) !== 0) continue;
      if (service[i] !== owner) {
        owner = service[i] as number;
        study = this.#study(owner);
      }
      if (study !== undefined) this.#line(batch, i, study, out);
    }
  }

  /** The prefix chosen for a service, empty for none. */
  prefixOf(service: number): string {
    return this.#studies.get(service)?.prefix ?? '';
  }

  save(): StateBlob {
    const studies = [...this.#studies].map(([service, study]) => ({
      service,
      lines: study.lines,
      prefixes: [...study.prefixes].map(([prefix, [held, again]]) => [prefix, held, again]),
      seen: [...study.seen],
      prefix: study.prefix,
    }));
    return { version: VERSION, arrays: {}, meta: { studies } };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION)
      throw new TocsinError('state_version', `session-key state ${state.version} is unknown`);
    const { studies } = state.meta as {
      studies: {
        service: number;
        lines: number;
        prefixes: [string, number, number][];
        seen: number[];
        prefix: string;
      }[];
    };
    this.#studies.clear();
    for (const { service, lines, prefixes, seen, prefix } of studies) {
      this.#studies.set(service, {
        lines,
        prefixes: new Map(prefixes.map(([key, held, again]) => [key, [held, again]])),
        seen: new Set(seen),
        prefix,
        bytes: bytesOf(prefix),
      });
    }
  }

  #study(service: number): Study | undefined {
    let study = this.#studies.get(service);
    if (study === undefined && this.#studies.size < MAX_SERVICES) {
      study = { lines: 0, prefixes: new Map(), seen: new Set(), prefix: '', bytes: [] };
      this.#studies.set(service, study);
    }
    return study;
  }

  #line(batch: LogBatch, i: number, study: Study, out: Int32Array): void {
    const start = batch.bodyStart[i] as number;
    const end = Math.min(batch.bodyEnd[i] as number, start + MAX_BYTES);
    if (study.lines < STUDY) this.#learn(batch.buffer, start, end, study);
    study.lines += 1;
    if (study.lines === STUDY) this.#choose(study);
    else if (study.lines > REPEAT) study.lines = 0;
    if (study.bytes.length === 0) return;
    const at = find(batch.buffer, start, end, study.bytes);
    if (at < 0) return;
    let lo = 0x3c6ef372;
    let hi = 0x2f0b4a27;
    for (let k = at + study.bytes.length; k < end; k += 1) {
      const byte = batch.buffer[k] as number;
      if (!isIdByte(byte)) break;
      lo = Math.imul(lo ^ byte, 0x01000193 | 0);
      hi = Math.imul((hi << 5) ^ (hi >>> 27) ^ byte, 0x9e3779b1 | 0);
    }
    out[i * 2] = lo ^ (lo >>> 15);
    out[i * 2 + 1] = hi;
  }

  /** Looks at the id-like tokens of one line; runs for a bounded number of lines. */
  #learn(bytes: Uint8Array, start: number, end: number, study: Study): void {
    const inLine = new Set<string>();
    let at = start;
    while (at < end) {
      const from = at;
      while (at < end && isPrefixByte(bytes[at] as number)) at += 1;
      const length = at - from;
      if (length < MIN_PREFIX || length > MAX_PREFIX || at >= end) {
        while (at < end && isIdByte(bytes[at] as number)) at += 1;
        if (at === from) at += 1;
        continue;
      }
      let hash = 0;
      let digits = 0;
      for (; at < end && isIdByte(bytes[at] as number); at += 1) {
        const byte = bytes[at] as number;
        if (byte >= 48 && byte <= 57) digits += 1;
        hash = Math.imul(hash ^ byte, 0x01000193 | 0) ^ (hash >>> 13);
      }
      if (digits < 4) continue;
      let prefix = '';
      for (let k = from; k < from + length; k += 1) prefix += String.fromCharCode(bytes[k] as number);
      if (inLine.has(prefix)) continue;
      inLine.add(prefix);
      let counts = study.prefixes.get(prefix);
      if (counts === undefined) {
        if (study.prefixes.size >= MAX_PREFIXES) continue;
        counts = [0, 0];
        study.prefixes.set(prefix, counts);
      }
      counts[0] += 1;
      for (let k = 0; k < prefix.length; k += 1) hash = Math.imul(hash ^ prefix.charCodeAt(k), 0x9e3779b1 | 0);
      if (study.seen.has(hash)) counts[1] += 1;
      else study.seen.add(hash);
    }
  }

  #choose(study: Study): void {
    let best = '';
    let most = 0;
    for (const [prefix, [held, again]] of study.prefixes) {
      const distinct = held - again;
      if (held < 0.3 * STUDY || again < 0.4 * held || distinct < 20 || held <= most) continue;
      best = prefix;
      most = held;
    }
    // A choice once made is kept when a later study finds nothing better: sessions must not lose their name.
    if (best !== '' || study.prefix === '') {
      study.prefix = best;
      study.bytes = bytesOf(best);
    }
    study.prefixes.clear();
    study.seen.clear();
  }
}

export function createSessionKeys(): SessionKeys {
  return new SessionKeys();
}

function bytesOf(prefix: string): number[] {
  return Array.from(prefix, (character) => character.charCodeAt(0));
}

/** First occurrence of `wanted` at the start of a token. */
function find(bytes: Uint8Array, start: number, end: number, wanted: readonly number[]): number {
  const first = wanted[0] as number;
  const last = end - wanted.length;
  for (let at = start; at <= last; at += 1) {
    if (bytes[at] !== first || (at > start && isPrefixByte(bytes[at - 1] as number))) continue;
    let k = 1;
    while (k < wanted.length && bytes[at + k] === wanted[k]) k += 1;
    if (k === wanted.length) return at;
  }
  return -1;
}

/** Letters and underscore; a hyphen ends a prefix like "req-" and belongs to the id. */
function isPrefixByte(byte: number): boolean {
  return (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || byte === 0x5f;
}

/** What an id may hold: digits, letters, `-`, `_`. */
function isIdByte(byte: number): boolean {
  return (
    (byte >= 48 && byte <= 57) ||
    (byte >= 97 && byte <= 122) ||
    (byte >= 65 && byte <= 90) ||
    byte === 0x2d ||
    byte === 0x5f
  );
}
