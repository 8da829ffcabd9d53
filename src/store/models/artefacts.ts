import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { TocsinError } from '../../domain/error.ts';

const CHECKSUM = /^[0-9a-f]{64}$/;

/** Bytes of models, a file each, named after their SHA-256: the same model twice is one file, and no file is ever changed. */
export interface Artefacts {
  /** Durable when it returns; a crash leaves the file whole or not at all. @returns the checksum. */
  write(bytes: Uint8Array): string;
  /** @throws TocsinError `not_found`, `corrupt` when the bytes are not those that were written. */
  read(checksum: string): Uint8Array;
  /** Removes what is not in `keep`. @returns files removed. */
  sweep(keep: ReadonlySet<string>): number;
}

export function checksumOfBytes(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function openArtefacts(directory: string): Artefacts {
  mkdirSync(directory, { recursive: true });
  // What a crash left half-written.
  for (const name of readdirSync(directory)) if (name.endsWith('.writing')) rmSync(join(directory, name));
  return {
    write(bytes) {
      const checksum = checksumOfBytes(bytes);
      writeAtomically(join(directory, checksum), bytes);
      return checksum;
    },
    read(checksum) {
      if (!CHECKSUM.test(checksum)) throw new TocsinError('invalid_request', `'${checksum}' is no checksum`);
      let bytes: Uint8Array;
      try {
        bytes = readFileSync(join(directory, checksum));
      } catch (cause) {
        throw new TocsinError('not_found', `the file of model ${checksum.slice(0, 12)} is missing`, { cause });
      }
      if (checksumOfBytes(bytes) !== checksum)
        throw new TocsinError('corrupt', `the file of model ${checksum.slice(0, 12)} was changed`);
      return bytes;
    },
    sweep(keep) {
      const old = readdirSync(directory).filter((name) => CHECKSUM.test(name) && !keep.has(name));
      for (const name of old) rmSync(join(directory, name));
      return old.length;
    },
  };
}

/** Writes beside, syncs, renames, syncs the folder. */
export function writeAtomically(path: string, bytes: Uint8Array): void {
  const beside = `${path}.writing`;
  const file = openSync(beside, 'w');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
  const folder = openSync(join(path, '..'), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
