import type { StateArray, StateBlob } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';

/** State of few things (services): a block of `width` numbers each, made when first asked for, all zero. */
export interface Blocks<T extends StateArray> {
  readonly width: number;
  has(key: number): boolean;
  get(key: number): T;
  delete(key: number): void;
  keys(): IterableIterator<number>;
  /** Keys and blocks as two arrays, named after `name`. */
  save(name: string): Record<string, StateArray>;
  /** @throws TocsinError `state_version` where the arrays are missing or of another width. */
  restore(name: string, state: StateBlob): void;
}

interface ArrayType<T extends StateArray> {
  new (length: number): T;
}

export function createBlocks<T extends StateArray>(type: ArrayType<T>, width: number): Blocks<T> {
  const blocks = new Map<number, T>();
  return {
    width,
    has: (key) => blocks.has(key),
    get(key) {
      let block = blocks.get(key);
      if (block === undefined) {
        block = new type(width);
        blocks.set(key, block);
      }
      return block;
    },
    delete(key) {
      blocks.delete(key);
    },
    keys: () => blocks.keys(),
    save(name) {
      const all = new type(width * blocks.size);
      let at = 0;
      for (const block of blocks.values()) {
        all.set(block, at);
        at += width;
      }
      return { [`${name}.keys`]: Int32Array.from(blocks.keys()), [`${name}.blocks`]: all };
    },
    restore(name, state) {
      const keys = state.arrays[`${name}.keys`];
      const all = state.arrays[`${name}.blocks`];
      if (keys === undefined || all === undefined || all.length !== keys.length * width)
        throw new TocsinError('state_version', `the state has no ${name} of ${width} numbers each`);
      blocks.clear();
      keys.forEach((key: number, i: number) => {
        const block = new type(width);
        block.set(all.subarray(i * width, (i + 1) * width));
        blocks.set(key, block);
      });
    },
  };
}

/** @throws TocsinError `state_version` unless the state is of this version. */
export function checkVersion(state: StateBlob, version: number, what: string): void {
  if (state.version !== version)
    throw new TocsinError('state_version', `${what} state version ${state.version}, expected ${version}`);
}
