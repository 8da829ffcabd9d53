import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelRecord } from '../../domain/learning/model.ts';
import { checksumOfBytes, openArtefacts } from './artefacts.ts';
import { packModel, unpackModel } from './bundle.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tocsin-models-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);

describe('artefacts', () => {
  it('come back as written, once for the same bytes', () => {
    const store = openArtefacts(folder);
    const checksum = store.write(bytes);
    expect(store.write(bytes)).toBe(checksum);
    expect([...store.read(checksum)]).toEqual([...bytes]);
    expect(readdirSync(folder)).toEqual([checksum]);
  });

  it('are refused when damaged, missing or named wrongly', () => {
    const store = openArtefacts(folder);
    const checksum = store.write(bytes);
    writeFileSync(join(folder, checksum), bytes.subarray(1));
    expect(() => store.read(checksum)).toThrow(/was changed/);
    expect(() => store.read('0'.repeat(64))).toThrow(/missing/);
    expect(() => store.read('../../etc/passwd')).toThrow(/no checksum/);
  });

  it('half-written ones are gone after a restart, unused ones by a sweep', () => {
    const store = openArtefacts(folder);
    const kept = store.write(bytes);
    store.write(bytes.subarray(5));
    writeFileSync(join(folder, 'x.writing'), 'half');
    expect(openArtefacts(folder).sweep(new Set([kept]))).toBe(1);
    expect(readdirSync(folder)).toEqual([kept]);
  });
});

describe('bundle', () => {
  const record = { name: 'lstm', version: 3, format: 'tocsin-lstm', checksum: checksumOfBytes(bytes) } as ModelRecord;

  it('is read as it was packed', () => {
    const read = unpackModel(packModel(record, bytes));
    expect(read.record).toEqual(record);
    expect([...read.artefact]).toEqual([...bytes]);
  });

  it('is refused wherever a byte of it changed', () => {
    const packed = packModel(record, bytes);
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Uint8Array.from(packed);
        damaged[at] = damaged[at]! ^ change;
        let read: ReturnType<typeof unpackModel>;
        try {
          read = unpackModel(damaged);
        } catch (error) {
          expect(error).toMatchObject({ code: 'corrupt' });
          return;
        }
        // Free text and figures of the record have no checksum; the model itself has.
        expect([...read.artefact]).toEqual([...bytes]);
      }),
    );
    expect(() => unpackModel(packed.subarray(0, 40))).toThrow(/no exported model|checksum|record/);
  });
});
