import type { Evidence, ServiceTick } from '../../domain/anomaly.ts';
import type { StateArray, StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf } from '../../domain/options.ts';
import { MODALITY, type Modality } from '../../domain/signal/series.ts';
import type { EpochMs } from '../../domain/units.ts';
import { acat, agreementP, cauchyP, cauchyWeight, countP, SMALLEST_P, STRANGE } from './combine-p.ts';
import { createOwnNull } from './own-null.ts';
import { type ServiceOptions, serviceOptions } from './service-options.ts';
import { createStory, familyOf, NOTABLE, STORY_SPAN, type StoryState, type Told } from './story.ts';
import { createTally, TALLY_COLUMNS, type TallyState, TOP } from './tally.ts';

/** Turns the strongest points of a service into evidence when its tick closes; null leaves one out. */
export type DescribeCandidate = (series: number, surprise: number) => Evidence | null;

export interface ServiceFusion {
  /**
   * Takes the calibrated surprises (-log10 p) of one batch; at most one sample of a series a call. A surprise of 0 (or
   * NaN) means not scored yet: the service is alive, nothing more.
   */
  observe(series: Int32Array, surprise: Float32Array, n: number, serviceOf: Int32Array, modalityOf: Uint8Array): void;
  /**
   * Evidence of a detector that works on the service itself (logs, traces, silence). `tests` is how many tests it is the
   * strongest of, when its p does not allow for that already.
   */
  addEvidence(service: number, evidence: Evidence, tests?: number): void;
  /**
   * A calibrated p of the service as a whole (`fuse/row-fusion`), the last one a modality and tick: the tick's `extent`, and
   * counted where it is strange. What goes with it is shown as evidence and not counted again.
   */
  addVoice(service: number, modality: Modality, p: number, evidence: Evidence | null): void;
  /**
   * Lets somebody who looked closer (`fuse/promoted-fusion`) restate the strange series of the open tick: `restated` gives
   * what a series counts with from now on, or the same surprise again.
   */
  revise(service: number, modalityOf: Uint8Array, restated: (series: number, surprise: number) => number): void;
  /** Services that met a very strange point since the last call, each at most once a tick, in order of arrival. */
  takeUrgent(): number[];
  /** The open tick of a service as it stands; null when nothing arrived. Changes nothing. */
  provisional(service: number, at: EpochMs, describe: DescribeCandidate): ServiceTick | null;
  /** Ends the tick: one report for each service that had data, in service order. */
  close(at: EpochMs, describe: DescribeCandidate): ServiceTick[];
  /** All state, with what the open tick has collected: a snapshot may fall anywhere in it. */
  save(): StateBlob;
  restore(state: StateBlob): void;
}

/** Kinds that go on by themselves once they began: they are no new look. */
const LASTING: ReadonlySet<string> = new Set(['series-retired', 'target-silent', 'pipeline-silent']);

interface Added {
  readonly evidence: Evidence;
  readonly tests: number;
}

interface Voice {
  readonly p: number;
  readonly evidence: Evidence | null;
}

/** An ordinary voice is not counted: in the mean over voices it would speak against a single strange series. */
const VOICE_P = 1e-2;

/** Ticks after which a service's stories are known well enough to be listened to. */
const STORY_TICKS = 200;

const STATE_VERSION = 4;
/** Without stories: read as if nothing had been told. */
const OLD_STATE_VERSION = 3;
const MODALITIES: readonly Modality[] = ['metric', 'log', 'trace'];
const MAX_ADDED = 64;
/** Worth of the prior guess that three in ten series are independent, in ticks. */
const RATIO_PRIOR = 0.3;
const RATIO_PRIOR_TICKS = 30;
const RATIO_MEMORY = 300;

/** @param describeService tenant and name of a service index of this shard. @param metricOf name of a series' metric. */
export function createServiceFusion(
  describeService: (service: number) => { readonly tenant: string; readonly service: string },
  options: ServiceOptions = defaultsOf(serviceOptions),
  metricOf: (series: number) => string = String,
): ServiceFusion {
  let services = 0;
  let firstSeen = new Float64Array(0);
  /** Ticks with something to judge, up to `coldTicks`. */
  let scored = new Float64Array(0);
  /** Per service: ticks, mean and variance of the share of points with p < 0.1, mean number of points. */
  let spread = new Float64Array(0);
  let added = new Map<number, Added[]>();
  /** By service x 3 + modality. */
  let voices = new Map<number, Voice>();
  const tally = createTally(options.urgentSurprise, options.storyWeight > 0 ? NOTABLE : STRANGE);
  const ownNull = createOwnNull();
  const story = createStory();
  const storyNull = createOwnNull(STORY_SPAN);

  function growServices(needed: number): void {
    if (needed <= services) return;
    const n = Math.max(16, needed, services * 2);
    firstSeen = widen(firstSeen, new Float64Array(n).fill(Number.NaN));
    scored = widen(scored, new Float64Array(n));
    spread = widen(spread, new Float64Array(n * 4));
    ownNull.grow(n);
    storyNull.grow(n);
    services = n;
  }

  function ratioOf(service: number): number {
    const ticks = Math.min(RATIO_MEMORY, spread[service * 4] ?? 0);
    const mean = spread[service * 4 + 1] ?? 0;
    const variance = spread[service * 4 + 2] ?? 0;
    const points = spread[service * 4 + 3] ?? 0;
    if (ticks < 2 || variance <= 0 || points < 2) return RATIO_PRIOR;
    const measured = Math.min(1, Math.max(1 / points, (mean * (1 - mean)) / variance / points));
    return (RATIO_PRIOR_TICKS * RATIO_PRIOR + ticks * measured) / (RATIO_PRIOR_TICKS + ticks);
  }

  function learnSpread(service: number): void {
    let points = 0;
    let hot = 0;
    for (let m = 0; m < 3; m += 1) {
      points += tally.at(service, m, 1);
      hot += tally.at(service, m, 2);
    }
    if (points < 4) return;
    const base = service * 4;
    const ticks = (spread[base] ?? 0) + 1;
    const a = 1 / Math.min(ticks, RATIO_MEMORY);
    const delta = hot / points - (spread[base + 1] ?? 0);
    // An incident must not look like dependence: a tick beyond half its points is not a null tick.
    if (hot / points > 0.5) return;
    spread[base] = ticks;
    spread[base + 1] = (spread[base + 1] ?? 0) + a * delta;
    spread[base + 2] = (1 - a) * ((spread[base + 2] ?? 0) + a * delta * delta);
    spread[base + 3] = (spread[base + 3] ?? 0) + a * (points - (spread[base + 3] ?? 0));
  }

  /** p of one modality of the open tick; null without data. */
  function modalityP(service: number, modality: number, ratio: number): number | null {
    const points = tally.at(service, modality, 1);
    const ps: number[] = [];
    if (points > 0) {
      const mean = cauchyP(tally.at(service, modality, 0) / points);
      ps.push(
        Math.min(1, 2 * Math.min(mean, countP(tally.at(service, modality, 3), tally.at(service, modality, 4), ratio))),
      );
    }
    let sum = 0;
    let tests = 0;
    for (const item of added.get(service) ?? []) {
      if (MODALITY[item.evidence.modality] !== modality) continue;
      sum += cauchyWeight(Math.min(1, item.evidence.p * item.tests));
      tests += 1;
    }
    if (tests > 0) ps.push(cauchyP(sum / tests));
    const voice = voices.get(service * 3 + modality);
    if (voice !== undefined && voice.p <= VOICE_P) ps.push(voice.p);
    return ps.length === 0 ? null : acat(ps);
  }

  function evidenceOf(service: number, describe: DescribeCandidate): Evidence[] {
    const found: Evidence[] = (added.get(service) ?? []).map((item) => item.evidence);
    for (let m = 0; m < MODALITIES.length; m += 1) {
      const spoken = voices.get(service * 3 + m)?.evidence ?? null;
      if (spoken !== null) found.push(spoken);
    }
    tally.candidates(service, (series, surprise) => {
      const evidence = describe(series, surprise);
      if (evidence !== null) found.push(evidence);
    });
    found.sort((a, b) => a.p - b.p || (a.series < b.series ? -1 : a.series > b.series ? 1 : 0));
    const ids = new Set<string>();
    const out: Evidence[] = [];
    for (const evidence of found) {
      const key = `${evidence.series} ${evidence.subject ?? ''}`;
      if (ids.has(key)) continue;
      ids.add(key);
      out.push(evidence);
      if (out.length === TOP) break;
    }
    return out;
  }

  /** The looks at signals in the open tick, and how many points they are the strangest of. */
  function looksOf(service: number): { looks: Told[]; points: number } {
    const looks: Told[] = [];
    tally.candidates(service, (series, surprise) => looks.push({ family: familyOf(metricOf(series)), surprise }));
    let points = 0;
    for (let m = 0; m < 3; m += 1) points += tally.at(service, m, 1);
    for (const { evidence, tests } of added.get(service) ?? []) {
      points += 1;
      if (!LASTING.has(evidence.kind))
        looks.push({ family: evidence.metric, surprise: -Math.log10(Math.min(1, evidence.p * tests)) });
    }
    return { looks, points };
  }

  function report(service: number, at: EpochMs, provisional: boolean, describe: DescribeCandidate) {
    const ratio = ratioOf(service);
    const byModality = { metric: 1, log: 1, trace: 1 };
    const present: number[] = [];
    let seen = 0;
    let strange = 0;
    MODALITIES.forEach((modality, m) => {
      const p = modalityP(service, m, ratio);
      if (p !== null) {
        byModality[modality] = p;
        present.push(p);
      }
      seen += tally.at(service, m, 4);
      strange += tally.at(service, m, 3);
    });
    const { looks, points } = looksOf(service);
    const surprise = surpriseOf(Math.min(1, acat(present), 2 * agreementP(present)));
    const told = surpriseOf(story.p(service, at, looks, points, ratio));
    const judged = present.length > 0;
    const pNow = judged ? ownNull.p(service, surprise) : 1;
    const pStory = judged ? storyNull.p(service, told) : 1;
    // Without a story there is no second test to pay for.
    const known = options.storyWeight > 0 && (storyNull.columns.ticks[service] ?? 0) >= STORY_TICKS;
    const both = () =>
      cauchyP((1 - options.storyWeight) * cauchyWeight(pNow) + options.storyWeight * cauchyWeight(pStory));
    const p = judged && known && told > 0 ? Math.min(1, Math.max(SMALLEST_P, both())) : pNow;
    const started = firstSeen[service] ?? Number.NaN;
    const young =
      Number.isNaN(started) || at - started < options.coldStart || (scored[service] ?? 0) < options.coldTicks;
    const extent = voices.get(service * 3 + MODALITY.metric)?.p;
    const tick: ServiceTick = {
      ...describeService(service),
      at,
      provisional,
      p,
      pNow,
      pByModality: byModality,
      seriesSeen: seen,
      seriesStrange: strange,
      evidence: evidenceOf(service, describe),
      ...(young ? { learning: true } : {}),
      ...(extent === undefined ? {} : { extent: -Math.log10(extent) }),
    };
    return { tick, surprise, told, pStory, looks, points, judged };
  }

  return {
    observe(series, surprise, n, serviceOf, modalityOf) {
      tally.observe(series, surprise, n, serviceOf, modalityOf);
    },
    addEvidence(service, evidence, tests = 1) {
      tally.touch(service);
      const list = added.get(service) ?? [];
      list.push({ evidence, tests });
      if (list.length > MAX_ADDED) {
        list.sort((a, b) => a.evidence.p - b.evidence.p);
        list.length = MAX_ADDED;
      }
      added.set(service, list);
      if (-Math.log10(evidence.p * tests) >= options.urgentSurprise) tally.hurry(service);
    },
    addVoice(service, modality, p, evidence) {
      if (p <= VOICE_P) tally.touch(service);
      voices.set(service * 3 + MODALITY[modality], { p, evidence });
    },
    revise(service, modalityOf, restated) {
      if (!tally.alive(service)) return;
      tally.candidates(service, (series, surprise) => {
        const to = restated(series, surprise);
        if (to !== surprise) tally.revise(service, modalityOf[series] ?? 0, series, to);
      });
    },
    takeUrgent: () => tally.takeUrgent(),
    provisional(service, at, describe) {
      if (!tally.alive(service)) return null;
      growServices(service + 1);
      return report(service, at, true, describe).tick;
    },
    close(at, describe) {
      const out: ServiceTick[] = [];
      const dirty = tally.dirty();
      for (const service of dirty) {
        growServices(service + 1);
        if (Number.isNaN(firstSeen[service] ?? Number.NaN)) firstSeen[service] = at;
        const { tick, surprise, told, pStory, looks, points, judged } = report(service, at, false, describe);
        if (options.storyWeight > 0) story.tell(service, at, looks, points);
        out.push(tick);
        if (judged) {
          if ((scored[service] ?? 0) < options.coldTicks) scored[service] = (scored[service] ?? 0) + 1;
          if (tick.learning !== true) {
            ownNull.learn(service, surprise, tick.pNow ?? tick.p, at);
            storyNull.learn(service, told, pStory, at);
          }
          learnSpread(service);
        }
      }
      tally.clear(dirty);
      added = new Map();
      voices = new Map();
      return out;
    },
    save() {
      const { columns, stamp } = tally.save();
      const arrays: Record<string, StateArray> = {
        firstSeen: firstSeen.slice(),
        scored: scored.slice(),
        spread: spread.slice(),
        pooled: ownNull.pooled.slice(),
        storyPooled: storyNull.pooled.slice(),
      };
      for (const [name, column] of Object.entries(storyNull.columns)) arrays[`story.${name}`] = column.slice();
      for (const [name, column] of Object.entries(ownNull.columns)) arrays[`null.${name}`] = column.slice();
      for (const name of TALLY_COLUMNS) arrays[`tick.${name}`] = columns[name];
      return {
        version: STATE_VERSION,
        arrays,
        meta: { stamp, added: [...added], voices: [...voices], story: story.save() },
      };
    },
    restore(state) {
      if (state.version !== STATE_VERSION && state.version !== OLD_STATE_VERSION) {
        throw new TocsinError(
          'state_version',
          `fuse/service state version ${state.version}, expected ${STATE_VERSION}`,
        );
      }
      const at = (name: string) => (state.arrays[name] as Float64Array | undefined) ?? new Float64Array(0);
      services = 0;
      growServices(at('firstSeen').length);
      firstSeen.set(at('firstSeen'));
      scored.set(at('scored'));
      spread.set(at('spread'));
      const meta = state.meta as {
        readonly stamp: number;
        readonly added: readonly (readonly [number, Added[]])[];
        /** Not in snapshots of before there were voices. */
        readonly voices?: readonly (readonly [number, Voice])[];
        readonly story?: StoryState;
      };
      const open = Object.fromEntries(TALLY_COLUMNS.map((name) => [name, state.arrays[`tick.${name}`]]));
      tally.restore({ columns: open as TallyState['columns'], stamp: meta.stamp });
      const columns: Record<string, Float64Array> = {};
      for (const name of Object.keys(ownNull.columns)) columns[name] = at(`null.${name}`);
      ownNull.load(columns, at('pooled'));
      const storyColumns: Record<string, Float64Array> = {};
      for (const name of Object.keys(storyNull.columns)) storyColumns[name] = at(`story.${name}`);
      storyNull.load(storyColumns, state.version === STATE_VERSION ? at('storyPooled') : new Float64Array(4));
      storyNull.grow(services);
      story.restore(meta.story ?? []);
      voices = new Map(
        (meta.voices ?? []).map(([key, { p, evidence }]) => [
          key,
          { p, evidence: evidence === null ? null : withoutNull(evidence) },
        ]),
      );
      added = new Map(
        meta.added.map(([service, items]) => [
          service,
          items.map((item) => ({ ...item, evidence: withoutNull(item.evidence) })),
        ]),
      );
    },
  };
}

/** JSON has no NaN: evidence without an expectation comes back with null. */
const withoutNull = (evidence: Evidence): Evidence => ({
  ...evidence,
  expected: evidence.expected ?? Number.NaN,
  lower: evidence.lower ?? Number.NaN,
  upper: evidence.upper ?? Number.NaN,
});

const surpriseOf = (p: number): number => -Math.log10(Math.max(p, 1e-9));

function widen<T extends Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
