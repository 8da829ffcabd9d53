import { TocsinError } from '../../domain/error.ts';
import { bytesOfBase64 } from '../base64.ts';
import { HASH_SEED_A, HASH_SEED_B, hashBytes } from '../hash.ts';

export const HIDDEN = 32;
export const GATES = 4 * HIDDEN;
/** Where each part lies: a row of gates for the input, one a hidden unit, the biases, then mean and log scale of the head. */
export const PART = { input: 0, hidden: GATES, bias: (1 + HIDDEN) * GATES, mean: (2 + HIDDEN) * GATES } as const;
export const HEAD_SCALE = PART.mean + HIDDEN;
export const HEAD_BIAS = PART.mean + 2 * HIDDEN;
export const WEIGHTS = HEAD_BIAS + 2;
/** The forecast scale is e^s with s held to this range, in units of the series' own scale. */
export const LOG_SCALE = { lowest: -4, highest: 3 } as const;

/**
 * One LSTM shared by all series: 1 input, 32 hidden units, gates in the order input, forget, cell, output (PyTorch's), and a
 * linear head of two outputs: mean and log scale (Laplace) of the next normalised value.
 */
export interface LstmNetwork {
  readonly weights: Float32Array;
}

/** @throws TocsinError `corrupt` for weights of another size or without a number. */
export function lstmNetwork(weights: Float32Array): LstmNetwork {
  if (weights.length !== WEIGHTS || !weights.every(Number.isFinite))
    throw new TocsinError('corrupt', `an LSTM network has ${WEIGHTS} finite weights, not ${weights.length}`);
  return { weights };
}

/** From little-endian 32-bit floats in base64. */
export function decodeNetwork(base64: string): LstmNetwork {
  const bytes = bytesOfBase64(base64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return lstmNetwork(Float32Array.from({ length: bytes.byteLength >> 2 }, (_, i) => view.getFloat32(i * 4, true)));
}

/** 16 hex digits of the weights' bytes: same training, same checksum. */
export function checksumOf(weights: Float32Array): string {
  const out = new Int32Array(2);
  const view = new DataView(weights.buffer, weights.byteOffset, weights.byteLength);
  hashBytes(view, 0, weights.byteLength, HASH_SEED_A, HASH_SEED_B, out, 0);
  return [...out].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
}
