import type { Labels, Modality } from '../../domain/signal/series.ts';
import type { EpochMs } from '../../domain/units.ts';
import { HOUR, MINUTE } from '../../domain/units.ts';

/** A shop that only exists as formulas: every value of every series is a function of its name and the time. */
export const SERVICES: readonly { readonly service: string; readonly version: string; readonly load: number }[] = [
  { service: 'storefront', version: '5.8.2', load: 310 },
  { service: 'checkout', version: '3.2.0', load: 42 },
  { service: 'payments', version: '2.14.0', load: 40 },
  { service: 'cart', version: '4.0.7', load: 120 },
  { service: 'catalog', version: '7.1.3', load: 240 },
  { service: 'recommendations', version: '1.9.4', load: 85 },
  { service: 'inventory', version: '2.6.1', load: 95 },
  { service: 'shipping', version: '1.22.0', load: 38 },
  { service: 'sessions', version: '7.2.5', load: 620 },
  { service: 'orders-db', version: '16.4', load: 180 },
];

export const EDGES: readonly { readonly caller: string; readonly callee: string; readonly share: number }[] = [
  { caller: 'storefront', callee: 'catalog', share: 0.8 },
  { caller: 'storefront', callee: 'cart', share: 0.35 },
  { caller: 'storefront', callee: 'checkout', share: 0.13 },
  { caller: 'storefront', callee: 'recommendations', share: 0.27 },
  { caller: 'storefront', callee: 'sessions', share: 1 },
  { caller: 'cart', callee: 'sessions', share: 2.1 },
  { caller: 'checkout', callee: 'payments', share: 0.96 },
  { caller: 'checkout', callee: 'cart', share: 1 },
  { caller: 'checkout', callee: 'shipping', share: 0.9 },
  { caller: 'checkout', callee: 'orders-db', share: 2.4 },
  { caller: 'catalog', callee: 'inventory', share: 0.4 },
  { caller: 'recommendations', callee: 'catalog', share: 0.3 },
  { caller: 'inventory', callee: 'orders-db', share: 0.8 },
];

interface Metric {
  readonly metric: string;
  readonly unit: string;
  readonly modality: Modality;
  readonly labels: Labels;
  /** Level at mid rhythm for a service of that load; how much of it follows the day; noise as a share of the level. */
  readonly level: (load: number) => number;
  readonly swing: number;
  readonly noise: number;
}

export const METRICS: readonly Metric[] = [
  {
    metric: 'span.rate',
    unit: '1/s',
    modality: 'trace',
    labels: { kind: 'server' },
    level: (load) => load,
    swing: 0.45,
    noise: 0.03,
  },
  {
    metric: 'span.duration.p99',
    unit: 'ms',
    modality: 'trace',
    labels: { kind: 'server' },
    level: (load) => 40 + 9_000 / (load + 40),
    swing: 0.12,
    noise: 0.05,
  },
  {
    metric: 'span.error_ratio',
    unit: '1',
    modality: 'trace',
    labels: { kind: 'server' },
    level: () => 0.004,
    swing: 0.05,
    noise: 0.18,
  },
  {
    metric: 'container.cpu.usage',
    unit: '{cpu}',
    modality: 'metric',
    labels: {},
    level: (load) => 0.2 + load / 260,
    swing: 0.4,
    noise: 0.05,
  },
  {
    metric: 'container.memory.usage',
    unit: 'By',
    modality: 'metric',
    labels: {},
    level: (load) => 2.2e8 + load * 9e5,
    swing: 0.04,
    noise: 0.012,
  },
  {
    metric: 'http.server.active_requests',
    unit: '{request}',
    modality: 'metric',
    labels: { 'http.request.method': 'POST' },
    level: (load) => 3 + load / 18,
    swing: 0.42,
    noise: 0.09,
  },
  {
    metric: 'log.rate',
    unit: '1/s',
    modality: 'log',
    labels: { severity: 'error' },
    level: (load) => 0.05 + load / 900,
    swing: 0.2,
    noise: 0.16,
  },
];

/** How an incident bends one series: `bend` gets the usual value and how far into it we are (ms), NaN makes a gap. */
export interface Effect {
  readonly service: string;
  readonly metric: string;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly bend: (usual: number, elapsed: number) => number;
}

export interface Sample {
  readonly value: number;
  readonly expected: number;
  readonly lower: number;
  readonly upper: number;
  readonly surprise: number;
}

export const RESOLUTION = 10_000;

export function sampleAt(service: string, metric: Metric, at: EpochMs, effects: readonly Effect[]): Sample {
  const load = SERVICES.find((candidate) => candidate.service === service)?.load ?? 50;
  const level = metric.level(load);
  const day = Math.sin(((at / HOUR - 9) / 24) * 2 * Math.PI) + 0.25 * Math.sin(((at / HOUR - 3) / 12) * 2 * Math.PI);
  const expected = level * (1 + metric.swing * day);
  const sigma = level * metric.noise;
  const seed = hash(`${service}/${metric.metric}`);
  const slot = Math.floor(at / RESOLUTION);
  const slow =
    (noise(seed + 7, Math.floor(at / (4 * MINUTE))) + noise(seed + 11, Math.floor(at / (17 * MINUTE)))) * 0.22;
  let value = Math.max(0, expected + sigma * (0.8 * noise(seed, slot) + slow));
  for (const effect of effects) {
    if (effect.service === service && effect.metric === metric.metric && at >= effect.from && at < effect.to) {
      value = effect.bend(value, at - effect.from);
    }
  }
  const z = Math.abs(value - expected) / sigma;
  const surprise = Number.isNaN(z)
    ? 6
    : Math.min(6, z < 3 ? z * 0.35 + Math.abs(noise(seed + 3, slot)) * 0.2 : (z * z) / 6);
  return { value, expected, lower: Math.max(0, expected - 3 * sigma), upper: expected + 3 * sigma, surprise };
}

export function hash(text: string): number {
  let h = 2_166_136_261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16_777_619);
  return h >>> 0;
}

/** About normal, mean 0, deviation 1, the same for the same arguments. */
function noise(seed: number, slot: number): number {
  let sum = 0;
  for (let k = 0; k < 4; k++) {
    let h = Math.imul(seed ^ Math.imul(slot + k * 7_919, 2_654_435_761), 2_246_822_519);
    h ^= h >>> 15;
    h = Math.imul(h, 3_266_489_917);
    sum += ((h ^ (h >>> 16)) >>> 0) / 4_294_967_296;
  }
  return (sum - 2) * 1.73;
}

export function seriesIdOf(service: string, metric: string): string {
  const part = (salt: string) => hash(`${salt}${service}/${metric}`).toString(16).padStart(8, '0');
  return part('a') + part('b');
}
