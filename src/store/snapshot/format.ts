import { closeSync, fsyncSync, openSync } from 'node:fs';
import type { StateArray } from '../../domain/detector.ts';

/**
 * File: magic 8 bytes, header length u32, header crc u32; every array's bytes, each padded to 8 and guarded by a crc in the
 * header; the header (JSON) last, since a crc is known once its array is written. In files of before (`MAGIC_LEADING`) the
 * header came before the arrays.
 */
export const MAGIC = Buffer.from('TOCSNAP2');
export const MAGIC_LEADING = Buffer.from('TOCSNAP1');
export const PREFIX = 16;

export const ARRAY_TYPES = {
  Float64Array,
  Float32Array,
  Int32Array,
  Uint32Array,
  Uint16Array,
  Int16Array,
  Uint8Array,
  Int8Array,
} as const;
export type ArrayType = keyof typeof ARRAY_TYPES;

export interface ArrayEntry {
  readonly name: string;
  readonly type: ArrayType;
  /** From the end of the prefix; in files of before, from the end of the header. */
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}
export interface Header {
  readonly at: number;
  readonly position: number;
  readonly parts: Record<string, { version: number; meta: unknown; arrays: ArrayEntry[] }>;
}

export const pad8 = (n: number): number => (n + 7) & ~7;
export const typeOf = (array: StateArray): ArrayType => array.constructor.name as ArrayType;
export const bytesOf = (array: StateArray): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
