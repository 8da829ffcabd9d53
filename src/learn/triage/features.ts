import { CLASS_OF, type Evidence } from '../../domain/anomaly.ts';
import type { Incident } from '../../domain/incident.ts';
import type { Modality } from '../../domain/signal/series.ts';
import { DAY, type EpochMs, HOUR, MINUTE } from '../../domain/units.ts';

/** What a service went through before, as known when an incident opened. */
export interface ServicePast {
  /** Incidents of the last day and of the last week. */
  readonly day: number;
  readonly week: number;
  /** Since the one before; Infinity without one. */
  readonly since: number;
  /** Verdicts so far, each fading to half in four weeks. */
  readonly real: number;
  readonly not: number;
}

export const NO_PAST: ServicePast = { day: 0, week: 0, since: Number.POSITIVE_INFINITY, real: 0, not: 0 };

interface Feature {
  readonly doc: string;
  readonly of: (incident: Incident, past: ServicePast) => number;
}

const surprise = (p: number): number => -Math.log10(Math.max(p, 1e-6));
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
const ofModality = (incident: Incident, modality: Modality): number =>
  most(incident.evidence.filter((e) => e.modality === modality).map((e) => surprise(e.p)));
const classShare = (incident: Incident, name: 'point' | 'contextual' | 'collective'): number =>
  share(incident.evidence.filter((e) => CLASS_OF[e.kind] === name).length, incident.evidence.length);

/** How far outside its band the value lies, in widths of the band; NaN without a band. */
function beyond({ value, lower, upper }: Evidence): number {
  const width = upper - lower;
  if (!(width > 0) || Number.isNaN(value)) return Number.NaN;
  return Math.max(0, lower - value, value - upper) / width;
}

/** Of what cannot be said, NaN: models know a missing value from a small one. */
const mostBeyond = (evidence: readonly Evidence[], up: boolean): number => {
  const known = evidence
    .filter((e) => e.value > (e.lower + e.upper) / 2 === up)
    .map(beyond)
    .filter((x) => !Number.isNaN(x));
  return known.length === 0 ? Number.NaN : Math.log1p(most(known));
};

/** Detectors whose own voice is heard; what others add is in the surprise. */
const VOICES = [
  'ewma',
  'difference',
  'holt',
  'ar',
  'quantile',
  'seasonal',
  'twin',
  'novelty',
  'mean-shift',
  'run-length',
] as const;

const voices = Object.fromEntries(
  VOICES.map((name): [string, Feature] => [
    `voice ${name}`,
    {
      doc: `Largest share of ${name} in a -log10 p.`,
      of: (i) =>
        most(i.evidence.map((e) => surprise(e.p) * (e.contributions.find((c) => c.name === name)?.share ?? 0))),
    },
  ]),
);

/**
 * What triage sees of a candidate incident, in this order. The one definition: training reads what was computed here when the
 * incident opened, never what it became, so nothing of the outcome leaks in. No text and no names: what is learnt of one
 * service serves another.
 */
export const TRIAGE_FEATURES = {
  surprise: {
    doc: 'Largest -log10 p of its anomalies, at most 6.',
    of: (i) => most(i.anomalies.map((a) => surprise(a.p))),
  },
  services: { doc: 'log of 1 + services in it.', of: (i) => Math.log1p(i.services.length) },
  evidence: { doc: 'log of 1 + pieces of evidence.', of: (i) => Math.log1p(i.evidence.length) },
  strong: {
    doc: 'Share of the evidence with p at most 1e-4.',
    of: (i) => share(i.evidence.filter((e) => e.p <= 1e-4).length, i.evidence.length),
  },
  metrics: { doc: 'Largest -log10 p among metrics.', of: (i) => ofModality(i, 'metric') },
  logs: { doc: 'Largest -log10 p among logs.', of: (i) => ofModality(i, 'log') },
  traces: { doc: 'Largest -log10 p among traces.', of: (i) => ofModality(i, 'trace') },
  modalities: { doc: 'Modalities that agree.', of: (i) => new Set(i.evidence.map((e) => e.modality)).size },
  instances: {
    doc: 'log of 1 + instances that show it.',
    of: (i) => Math.log1p(new Set(i.evidence.map((e) => e.instance)).size),
  },
  point: { doc: 'Share of point anomalies in the evidence.', of: (i) => classShare(i, 'point') },
  contextual: { doc: 'Share of contextual anomalies.', of: (i) => classShare(i, 'contextual') },
  errors: {
    doc: 'Share of evidence of errors.',
    of: (i) => share(i.evidence.filter((e) => e.kind === 'errors').length, i.evidence.length),
  },
  latency: {
    doc: 'Share of evidence of latency.',
    of: (i) => share(i.evidence.filter((e) => e.kind === 'latency').length, i.evidence.length),
  },
  silence: {
    doc: 'Share of evidence of silence.',
    of: (i) =>
      share(i.evidence.filter((e) => e.kind.endsWith('silent') || e.kind === 'zero').length, i.evidence.length),
  },
  newPattern: {
    doc: 'Share of evidence of new log patterns.',
    of: (i) => share(i.evidence.filter((e) => e.kind === 'new-pattern').length, i.evidence.length),
  },
  above: {
    doc: 'log of 1 + widths of the band that a value lies above it, the most.',
    of: (i) => mostBeyond(i.evidence, true),
  },
  below: { doc: 'The same below.', of: (i) => mostBeyond(i.evidence, false) },
  spread: {
    doc: 'log of 1 + minutes between the first and the last onset.',
    of: (i) => {
      const onsets = i.evidence.map((e) => e.onset);
      return onsets.length === 0 ? 0 : Math.log1p((Math.max(...onsets) - Math.min(...onsets)) / MINUTE);
    },
  },
  delay: {
    doc: 'log of 1 + minutes from onset to opening.',
    of: (i) => Math.log1p(Math.max(0, i.openedAt - i.onset) / MINUTE),
  },
  cause: { doc: 'Share of the likeliest cause.', of: (i) => i.causes[0]?.share ?? 0 },
  deploy: { doc: '1 with a deploy just before.', of: (i) => (i.deploys.length > 0 ? 1 : 0) },
  night: {
    doc: "1 from 22 to 6 o'clock UTC.",
    of: (i) => (((Math.floor(i.openedAt / HOUR) % 24) + 2) % 24 < 8 ? 1 : 0),
  },
  day: { doc: 'log of 1 + incidents of the service in the last day.', of: (_, past) => Math.log1p(past.day) },
  week: { doc: 'log of 1 + incidents of the service in the last week.', of: (_, past) => Math.log1p(past.week) },
  since: {
    doc: 'log of 1 + hours since the incident before, at most 4 weeks.',
    of: (_, past) => Math.log1p(Math.min(past.since, 28 * DAY) / HOUR),
  },
  habit: {
    doc: 'Log-odds of earlier verdicts on the service, one of each added.',
    of: (_, past) => Math.log((past.real + 1) / (past.not + 1)),
  },
  ...voices,
} as const satisfies Readonly<Record<string, Feature>>;

/** Raise with any change of the list: examples of another version are not used. */
export const TRIAGE_FEATURES_VERSION = 1;
export const TRIAGE_COLUMNS = Object.keys(TRIAGE_FEATURES).length;

/** The features of an incident as it is now. */
export function triageFeatures(incident: Incident, past: ServicePast): Float32Array {
  return Float32Array.from(Object.values(TRIAGE_FEATURES) as readonly Feature[], (feature) =>
    feature.of(incident, past),
  );
}

/** What triage would say without labels: largest -log10 p. First column of the features. */
export const UNSUPERVISED_COLUMN = 0;

interface Memory {
  opened: EpochMs[];
  real: number;
  not: number;
  at: EpochMs;
}

const HALF_LIFE = 28 * DAY;

/** Saved as it is. */
export type PastState = readonly (readonly [string, Readonly<Memory>])[];

/** What services went through, kept as incidents open and verdicts come. */
export interface Past {
  of(incident: Incident, at: EpochMs): ServicePast;
  opened(incident: Incident): void;
  verdict(incident: Pick<Incident, 'tenant' | 'services'>, real: boolean, at: EpochMs): void;
  save(): PastState;
  restore(state: PastState): void;
}

export function createPast(): Past {
  let services = new Map<string, Memory>();
  const keyOf = ({ tenant, services: [first] }: Pick<Incident, 'tenant' | 'services'>): string =>
    `${tenant}/${first ?? ''}`;

  function memoryOf(key: string, at: EpochMs): Memory {
    let memory = services.get(key);
    if (memory === undefined) {
      memory = { opened: [], real: 0, not: 0, at };
      services.set(key, memory);
    }
    return memory;
  }

  const fadeOf = (memory: Memory, at: EpochMs): number => 0.5 ** (Math.max(0, at - memory.at) / HALF_LIFE);

  return {
    of(incident, at) {
      const memory = services.get(keyOf(incident));
      if (memory === undefined) return NO_PAST;
      const before = memory.opened.filter((time) => time < incident.openedAt);
      const within = (span: number): number => before.filter((time) => time > incident.openedAt - span).length;
      const last = before.at(-1);
      const fade = fadeOf(memory, at);
      return {
        day: within(DAY),
        week: within(7 * DAY),
        since: last === undefined ? Number.POSITIVE_INFINITY : incident.openedAt - last,
        real: memory.real * fade,
        not: memory.not * fade,
      };
    },
    opened(incident) {
      const memory = memoryOf(keyOf(incident), incident.openedAt);
      const recent = memory.opened.filter((time) => time > incident.openedAt - 28 * DAY && time !== incident.openedAt);
      memory.opened = [...recent, incident.openedAt].sort((a, b) => a - b);
    },
    verdict(incident, real, at) {
      const memory = memoryOf(keyOf(incident), at);
      const fade = fadeOf(memory, at);
      memory.real = memory.real * fade + (real ? 1 : 0);
      memory.not = memory.not * fade + (real ? 0 : 1);
      memory.at = Math.max(memory.at, at);
    },
    save: () => [...services].map(([key, memory]) => [key, { ...memory, opened: [...memory.opened] }] as const),
    restore(state) {
      services = new Map(state.map(([key, memory]) => [key, { ...memory, opened: [...memory.opened] }]));
    },
  };
}
