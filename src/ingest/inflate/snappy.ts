import { TocsinError } from '../../domain/error.ts';

/**
 * Largest expansion that the block format can reach: a copy element of 3 bytes makes at most 64. A preamble that
 * declares more is a lie, so it is refused before memory is taken for it.
 */
const MAX_EXPANSION = 22;
/** Shorter runs are copied in a loop: a `subarray` view costs more than the bytes. */
const VIEW_WORTHWHILE = 48;

/**
 * Decodes one Snappy block (not the framed stream format), as Prometheus remote write sends it.
 * Format: https://github.com/google/snappy/blob/main/format_description.txt
 * @throws TocsinError `payload_too_large` when the declared size exceeds `maxBytes`, `bad_payload` when it is not Snappy.
 */
export function decodeSnappy(
  input: Uint8Array,
  maxBytes: number,
  allocate: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Uint8Array {
  const end = input.length;
  let at = 0;
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    if (at >= end || shift > 28) throw malformed('no length');
    const byte = input[at++]!;
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (size > 0xffff_ffff) throw malformed('impossible length');
  if (size > maxBytes) {
    throw new TocsinError('payload_too_large', `the body inflates to ${size} bytes, more than the ${maxBytes} allowed`);
  }
  if (size > (end - at) * MAX_EXPANSION) throw malformed('impossible length');
  const output = allocate(size).subarray(0, size);
  const written = decodeElements(input, at, output);
  if (written !== size) throw malformed('shorter than it declares');
  return output;
}

function decodeElements(input: Uint8Array, start: number, output: Uint8Array): number {
  const end = input.length;
  const size = output.length;
  let at = start;
  let to = 0;
  while (at < end) {
    const tag = input[at++]!;
    const kind = tag & 3;
    let length = (tag >>> 2) + 1;
    if (kind === 0) {
      if (length > 60) {
        const extra = length - 60;
        if (at + extra > end) throw malformed('cut literal');
        length = 1;
        for (let i = 0; i < extra; i++) length += input[at + i]! * 2 ** (8 * i);
        at += extra;
      }
      if (at + length > end || to + length > size) throw malformed('cut literal');
      if (length < VIEW_WORTHWHILE) {
        for (let i = 0; i < length; i++) output[to + i] = input[at + i]!;
      } else {
        output.set(input.subarray(at, at + length), to);
      }
      at += length;
      to += length;
      continue;
    }
    let offset: number;
    if (kind === 1) {
      if (at >= end) throw malformed('cut copy');
      length = ((tag >>> 2) & 7) + 4;
      offset = ((tag >>> 5) << 8) | input[at++]!;
    } else if (kind === 2) {
      if (at + 2 > end) throw malformed('cut copy');
      offset = input[at]! | (input[at + 1]! << 8);
      at += 2;
    } else {
      if (at + 4 > end) throw malformed('cut copy');
      offset = (input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24)) >>> 0;
      at += 4;
    }
    if (offset === 0 || offset > to || to + length > size) throw malformed('copy out of range');
    // Overlapping copies repeat the pattern, byte by byte forwards: copyWithin would not.
    for (let from = to - offset, stop = to + length; to < stop; ) output[to++] = output[from++]!;
  }
  return to;
}

function malformed(why: string): TocsinError {
  return new TocsinError('bad_payload', `the body is not a Snappy block: ${why}`);
}
