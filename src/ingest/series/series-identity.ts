import { HASH_SEED_A, HASH_SEED_B, hashBytes, hashPair } from '../../stats/hash.ts';
import { KeyIndex } from './series-index.ts';
import { classifyKey, KEY_INSTANCE, KEY_LABEL } from './series-labels.ts';
import type { SeriesNames } from './series-names.ts';

const MAX_KNOWN_KEYS = 1 << 16;
/** Longest label value that is kept; the rest is cut. */
const MAX_TEXT = 4096;

/**
 * Builds the canonical identity of one series at a time: `begin`, `addBytes`/`addText` for each label in any order, `seal`.
 * Afterwards `bytes[0 .. length)` holds the labels sorted by key (each key and value with a varint length before it; of a
 * repeated key the last one counts), and `keys` the hashes: lanes 0 the labels, lanes 1 the instance. Used once per new
 * raw key, reused, makes no object.
 */
export class SeriesIdentity {
  service = 0;
  metric = 0;
  kind = 0;
  modality = 0;
  bytes = new Uint8Array(1024);
  length = 0;
  readonly keys = new Int32Array(4);
  /** True if a label names an instance. */
  hasInstance = false;

  private scratch = new Uint8Array(4096);
  private view = new DataView(this.scratch.buffer);
  /** View of `bytes`. */
  private sealed = new DataView(this.bytes.buffer);
  private filled = 0;
  private count = 0;
  private keyStart = new Int32Array(64);
  private keyEnd = new Int32Array(64);
  private valueEnd = new Int32Array(64);
  private classes = new Int32Array(64);
  private order = new Int32Array(64);
  private nameAt = -1;
  private readonly known = new KeyIndex(256);
  private readonly hash = new Int32Array(2);
  private readonly encoder = new TextEncoder();
  private readonly decoder = new TextDecoder();

  begin(service: number, metric: number, kind: number, modality = 0): void {
    this.service = service;
    this.metric = metric;
    this.kind = kind;
    this.modality = modality;
    this.filled = 0;
    this.count = 0;
  }

  /** Adds a label from bytes: key `source[keyStart .. keyEnd)`, value `source[valueStart .. valueEnd)`, both UTF-8. */
  addBytes(source: Uint8Array, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    const keyLength = Math.min(keyEnd - keyStart, MAX_TEXT);
    const valueLength = Math.min(valueEnd - valueStart, MAX_TEXT);
    const at = this.reserve(keyLength + valueLength);
    const scratch = this.scratch;
    for (let i = 0; i < keyLength; i++) scratch[at + i] = source[keyStart + i]!;
    for (let i = 0; i < valueLength; i++) scratch[at + keyLength + i] = source[valueStart + i]!;
    this.push(at, keyLength, valueLength);
  }

  addText(key: string, value: string): void {
    const bytes = this.encoder.encode(key);
    this.addRendered(bytes, 0, bytes.length, value);
  }

  /** Adds a label whose value had to be rendered: a number, a boolean. */
  addRendered(source: Uint8Array, keyStart: number, keyEnd: number, value: string): void {
    const keyLength = Math.min(keyEnd - keyStart, MAX_TEXT);
    const at = this.reserve(keyLength + MAX_TEXT);
    for (let i = 0; i < keyLength; i++) this.scratch[at + i] = source[keyStart + i]!;
    const room = this.scratch.subarray(at + keyLength, at + keyLength + MAX_TEXT);
    this.push(at, keyLength, this.encoder.encodeInto(value, room).written);
  }

  /** Adds labels as `bytes` of a sealed identity holds them (a resource's, a workload's). */
  addEncoded(source: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      let size = source[at++]!;
      if (size >= 128) size = (size & 127) | (source[at++]! << 7);
      const keyStart = at;
      at += size;
      let length = source[at++]!;
      if (length >= 128) length = (length & 127) | (source[at++]! << 7);
      this.addBytes(source, keyStart, keyStart + size, at, at + length);
      at += length;
    }
  }

  /** Sorts, sets apart what names an instance, hashes. `derived` keeps every label: a computed series has no instance of its own. */
  seal(derived = false): void {
    this.sort();
    this.length = 0;
    this.hasInstance = false;
    this.nameAt = -1;
    let rank = 1 << 30;
    let instances = 0;
    const room = this.filled + this.count * 4;
    if (this.bytes.length < room) this.bytes = new Uint8Array(room * 2);
    for (let k = 0; k < this.count; k++) {
      const i = this.order[k]!;
      if (k + 1 < this.count && this.compareKeys(i, this.order[k + 1]!) === 0) continue;
      const kind = derived ? KEY_LABEL : this.classes[i]!;
      // On a sample every label tells apart (spanmetrics puts service.name there); only a resource has volatile ones.
      if (kind >= KEY_LABEL && kind < KEY_INSTANCE) this.emit(i);
      else if (kind >= KEY_INSTANCE) {
        instances++;
        if (kind < rank) {
          rank = kind;
          this.nameAt = i;
        }
      }
    }
    const labelLength = this.length;
    this.keys[2] = 0;
    this.keys[3] = 0;
    if (instances > 0) {
      this.hasInstance = true;
      // The instance labels go behind the labels, are hashed there, and are cut off again.
      for (let k = 0; k < this.count; k++) {
        const i = this.order[k]!;
        if (k + 1 < this.count && this.compareKeys(i, this.order[k + 1]!) === 0) continue;
        if (this.classes[i]! >= KEY_INSTANCE) this.emit(i);
      }
    }
    if (this.sealed.buffer !== this.bytes.buffer) this.sealed = new DataView(this.bytes.buffer);
    const view = this.sealed;
    if (instances > 0) hashBytes(view, labelLength, this.length, HASH_SEED_B, HASH_SEED_A, this.keys, 1);
    this.length = labelLength;
    hashBytes(view, 0, labelLength, HASH_SEED_A, HASH_SEED_B, this.keys, 0);
  }

  /** Copies labels and instance names, encoded, without what is ignored: what a resource hands down to its series. */
  encoded(): Uint8Array {
    this.sort();
    const room = this.filled + this.count * 4;
    if (this.bytes.length < room) this.bytes = new Uint8Array(room * 2);
    this.length = 0;
    for (let k = 0; k < this.count; k++) {
      const i = this.order[k]!;
      const kind = this.classes[i]!;
      if (kind === KEY_LABEL || kind >= KEY_INSTANCE) this.emit(i);
    }
    return this.bytes.slice(0, this.length);
  }

  /** Display name of the instance of the sealed identity, '' if no label names one. */
  instanceName(): string {
    if (this.nameAt < 0) return '';
    return this.decoder.decode(this.scratch.subarray(this.keyEnd[this.nameAt]!, this.valueEnd[this.nameAt]!));
  }

  private push(at: number, keyLength: number, valueLength: number): void {
    if (this.count === this.keyStart.length) this.growLabels();
    const i = this.count++;
    this.keyStart[i] = at;
    this.keyEnd[i] = at + keyLength;
    this.valueEnd[i] = at + keyLength + valueLength;
    this.filled = at + keyLength + valueLength;
    // Prometheus and OTLP agree that an empty value is an absent label.
    this.classes[i] = valueLength === 0 ? -1 : this.classOf(at, at + keyLength);
    this.order[i] = i;
  }

  private classOf(start: number, end: number): number {
    hashBytes(this.view, start, end, HASH_SEED_A, HASH_SEED_B, this.hash, 0);
    const known = this.known.get(this.hash[0]!, this.hash[1]!);
    if (known >= 0) return known;
    const kind = classifyKey(this.decoder.decode(this.scratch.subarray(start, end)));
    if (this.known.size < MAX_KNOWN_KEYS) this.known.set(this.hash[0]!, this.hash[1]!, kind);
    return kind;
  }

  /** Insertion sort, stable: there are a handful, and exporters send them sorted. */
  private sort(): void {
    const order = this.order;
    for (let i = 0; i < this.count; i++) order[i] = i;
    for (let i = 1; i < this.count; i++) {
      const moving = order[i]!;
      let at = i;
      while (at > 0 && this.compareKeys(order[at - 1]!, moving) > 0) {
        order[at] = order[at - 1]!;
        at--;
      }
      order[at] = moving;
    }
  }

  private compareKeys(left: number, right: number): number {
    const scratch = this.scratch;
    let i = this.keyStart[left]!;
    let j = this.keyStart[right]!;
    const iEnd = this.keyEnd[left]!;
    const jEnd = this.keyEnd[right]!;
    while (i < iEnd && j < jEnd) {
      const difference = scratch[i++]! - scratch[j++]!;
      if (difference !== 0) return difference;
    }
    return iEnd - i - (jEnd - j);
  }

  private emit(i: number): void {
    const keyStart = this.keyStart[i]!;
    const keyEnd = this.keyEnd[i]!;
    const valueEnd = this.valueEnd[i]!;
    let at = this.writeLength(this.length, keyEnd - keyStart);
    for (let k = keyStart; k < keyEnd; k++) this.bytes[at++] = this.scratch[k]!;
    at = this.writeLength(at, valueEnd - keyEnd);
    for (let k = keyEnd; k < valueEnd; k++) this.bytes[at++] = this.scratch[k]!;
    this.length = at;
  }

  private writeLength(at: number, length: number): number {
    if (length < 128) {
      this.bytes[at] = length;
      return at + 1;
    }
    this.bytes[at] = (length & 127) | 128;
    this.bytes[at + 1] = length >> 7;
    return at + 2;
  }

  private reserve(size: number): number {
    const need = this.filled + size;
    if (need > this.scratch.length) {
      const grown = new Uint8Array(need * 2);
      grown.set(this.scratch.subarray(0, this.filled));
      this.scratch = grown;
      this.view = new DataView(grown.buffer);
    }
    return this.filled;
  }

  private growLabels(): void {
    const size = this.keyStart.length * 2;
    this.keyStart = grown(this.keyStart, size);
    this.keyEnd = grown(this.keyEnd, size);
    this.valueEnd = grown(this.valueEnd, size);
    this.classes = grown(this.classes, size);
    this.order = grown(this.order, size);
  }
}

function grown(column: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(size);
  next.set(column);
  return next;
}

/** Key of the workload that a sealed identity belongs to, two lanes at the start of `out`. */
export function workloadKey(identity: SeriesIdentity, names: SeriesNames, out: Int32Array): void {
  const { service, metric, keys } = identity;
  hashPair(names.serviceKey(service, 0), names.metricKey(metric, 0), identity.kind, identity.modality, out, 0);
  hashPair(
    names.serviceKey(service, 1) ^ keys[0]!,
    names.metricKey(metric, 1) ^ keys[1]!,
    out[0]! ^ keys[1]!,
    out[1]! ^ keys[0]!,
    out,
    0,
  );
}
