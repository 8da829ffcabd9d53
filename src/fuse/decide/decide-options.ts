import type { Options, OptionsSpec } from '../../domain/options.ts';
import { MINUTE, SECOND } from '../../domain/units.ts';

export const decideOptions = {
  pageBudget: {
    type: 'number',
    default: 0.5,
    min: 0.001,
    max: 1000,
    doc: 'False incidents per service and week that are acceptable; sets the p limit.',
  },
  mergedTicks: {
    type: 'number',
    default: 2,
    min: 1,
    max: 20,
    doc: 'Mean number of exceeding ticks that end up in one incident (c of p* = c B / 10080 a minute).',
  },
  window: {
    type: 'integer',
    default: 3,
    min: 1,
    max: 10,
    doc: 'Persistence: how many ticks with data are looked back on.',
  },
  needed: { type: 'integer', default: 2, min: 1, max: 10, doc: 'Persistence: how many of them must be strange.' },
  windowSpan: {
    type: 'duration',
    default: 10 * MINUTE,
    min: 10 * SECOND,
    doc: 'Ticks older than this do not count for persistence.',
  },
  extremeP: {
    type: 'number',
    default: 1e-5,
    min: 0,
    max: 1e-3,
    doc: 'Below this, with several series or two modalities, one tick is enough.',
  },
  extremeSeries: {
    type: 'integer',
    default: 2,
    min: 1,
    doc: 'How many strange series an extreme tick must have (or two modalities).',
  },
  recoveryP: { type: 'number', default: 3e-3, min: 1e-6, max: 1, doc: 'A tick above this is quiet.' },
  closeAfter: {
    type: 'duration',
    default: 4 * MINUTE,
    min: 10 * SECOND,
    doc: 'Closes after this long (event time) without a strange tick.',
  },
  closeTicks: { type: 'integer', default: 3, min: 1, doc: 'Quiet ticks with data needed to close.' },
  abandonAfter: {
    type: 'duration',
    default: 60 * MINUTE,
    min: MINUTE,
    doc: 'Closes a service that sends nothing at all for this long.',
  },
  minRelativeDeviation: {
    type: 'number',
    default: 0.2,
    min: 0,
    max: 100,
    doc: 'Deviations below this share of the expected value are ignored.',
  },
  minAbsoluteDeviation: { type: 'number', default: 0, min: 0, doc: 'Deviations below this are ignored.' },
  upOnly: {
    type: 'strings',
    default: ['latency', 'duration', 'response_time', 'error', 'fail', 'exception'],
    doc: 'Metrics with one of these in the name matter only above their band.',
  },
} as const satisfies OptionsSpec;
export type DecideOptions = Options<typeof decideOptions>;
