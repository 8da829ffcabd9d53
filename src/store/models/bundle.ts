import { TocsinError } from '../../domain/error.ts';
import { MODEL_FORMATS, type ModelRecord } from '../../domain/learning/model.ts';
import { checksumOfBytes } from './artefacts.ts';

const MAGIC = 'TOCSIN-MODEL 1\n';

/** A model to take elsewhere: a line that says what it is, the record as one line of JSON, the artefact. */
export function packModel(record: ModelRecord, artefact: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${MAGIC}${JSON.stringify(record)}\n`), artefact]);
}

/** @throws TocsinError `corrupt` for what `packModel` did not make. */
export function unpackModel(bytes: Uint8Array): { readonly record: ModelRecord; readonly artefact: Uint8Array } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.indexOf(10, MAGIC.length);
  if (!buffer.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC)) || end < 0)
    throw new TocsinError('corrupt', 'this is no exported model');
  let record: ModelRecord;
  try {
    record = JSON.parse(buffer.toString('utf8', MAGIC.length, end)) as ModelRecord;
  } catch (cause) {
    throw new TocsinError('corrupt', 'the record of the exported model cannot be read', { cause });
  }
  const artefact = buffer.subarray(end + 1);
  if (checksumOfBytes(artefact) !== record.checksum)
    throw new TocsinError('corrupt', 'the exported model fails its checksum');
  if (!/^[a-z][a-z0-9-]*$/.test(record.name) || !MODEL_FORMATS.includes(record.format))
    throw new TocsinError('corrupt', 'the record of the exported model names no model that is known here');
  return { record, artefact };
}
