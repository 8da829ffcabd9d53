import { gunzipSync } from 'node:zlib';

/** Regular files of a gzipped tar archive, in order. Enough for ustar and GNU archives with short names. */
export function* readTarGz(bytes: Uint8Array): Generator<{ readonly name: string; readonly data: Buffer }> {
  const tar = gunzipSync(bytes);
  let at = 0;
  while (at + 512 <= tar.length) {
    const name = text(tar, at, 100);
    if (name === '') return;
    const size = Number.parseInt(text(tar, at + 124, 12).trim() || '0', 8);
    const prefix = text(tar, at + 257, 5) === 'ustar' ? text(tar, at + 345, 155) : '';
    const type = tar[at + 156];
    if (type === 48 || type === 0) {
      yield {
        name: prefix === '' || prefix.includes(' ') ? name : `${prefix}/${name}`,
        data: tar.subarray(at + 512, at + 512 + size),
      };
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

function text(buffer: Buffer, from: number, length: number): string {
  const field = buffer.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? length : end);
}
