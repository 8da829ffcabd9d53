import { type Anomaly, CLASS_OF, type Evidence, type ServiceTick, scoreOf } from '../../domain/anomaly.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, decisionRecord, stableId } from '../../domain/identity.ts';
import { defaultsOf } from '../../domain/options.ts';
import { type EpochMs, MINUTE, SECOND } from '../../domain/units.ts';
import { type BudgetController, type BudgetState, createBudgetController } from './budget-controller.ts';
import { type DecideOptions, decideOptions } from './decide-options.ts';
import type { DecidePolicies, ServicePolicy } from './policies.ts';
import {
  bitCount,
  confidenceOf,
  contributionsOf,
  dominantKind,
  isMeaningful,
  matters,
  mergeEvidence,
  strangeModalities,
  surpriseOf,
} from './weigh.ts';

/** A recorded strange or quiet tick of a service. */
interface Look {
  readonly at: EpochMs;
  readonly surprise: number;
  /** 1 where it was strange and mattered. */
  readonly strange: number;
}
interface ServiceState {
  readonly key: string;
  recent: Look[];
  lastData: EpochMs;
  /** Mean ms between ticks with data, 10 s to 60 s. */
  interval: number;
  lastStrange: EpochMs;
  runStart: EpochMs;
  runTicks: number;
  quietTicks: number;
  modalities: number;
  strangeSeries: number;
  evidence: Evidence[];
  open: Anomaly | null;
  /** When it opened lately, for flap damping. */
  opens?: readonly EpochMs[];
}

export interface DecideState {
  readonly version: 1;
  readonly services: readonly ServiceState[];
  readonly budget: BudgetState;
  readonly counts: Readonly<Record<string, number>>;
}
export interface DecideResult {
  /** Opened, changed and closed anomalies of this step. */
  readonly anomalies: readonly Anomaly[];
  readonly decisions: readonly DecisionRecord[];
}
export interface Decide {
  /**
   * One tick of any number of services (all shards together gives the false-discovery control its full family).
   * Provisional ticks can open through the extreme path only and leave no other trace.
   */
  step(at: EpochMs, ticks: readonly ServiceTick[]): DecideResult;
  open(): readonly Anomaly[];
  readonly budget: BudgetController;
  /** How often each stage passed or suppressed, by `stage outcome`. */
  counts(): Readonly<Record<string, number>>;
  /** Live: write it down before the next step. */
  save(): DecideState;
  restore(state: DecideState): void;
}

const SUSPICIOUS = 3;
const MAX_EVIDENCE = 16;
/** Simultaneous discoveries relax the limit (Benjamini-Hochberg), but never beyond this. */
const LARGEST_LIMIT = 1e-3;
const MINUTES_A_WEEK = 10_080;
/** A run of strange ticks ends after this long without one. */
const RUN_GAP = 3 * MINUTE;
const UPDATE_EVERY = MINUTE;

/** @param explain makes the anomaly's sentence (fuse/explain); handed in because components do not import siblings. */
export function createDecide(
  explain: (anomaly: Anomaly) => string,
  options: DecideOptions = defaultsOf(decideOptions),
  stamp: DecisionStamp = { modelVersion: '', configHash: '' },
  policies: DecidePolicies | null = null,
): Decide {
  let states = new Map<string, ServiceState>();
  let counts: Record<string, number> = {};
  const budget = createBudgetController();
  const limitOfOne = (options.mergedTicks * options.pageBudget) / MINUTES_A_WEEK;

  function stateOf(tick: ServiceTick): ServiceState {
    const key = `${tick.tenant}/${tick.service}`;
    let state = states.get(key);
    if (state === undefined) {
      state = {
        key,
        recent: [],
        lastData: 0,
        interval: MINUTE,
        lastStrange: 0,
        runStart: 0,
        runTicks: 0,
        quietTicks: 0,
        modalities: 0,
        strangeSeries: 0,
        evidence: [],
        open: null,
      };
      states.set(key, state);
    }
    return state;
  }

  function step(at: EpochMs, ticks: readonly ServiceTick[]): DecideResult {
    const anomalies: Anomaly[] = [];
    const decisions: DecisionRecord[] = [];
    const judged = ticks.filter((t) => t.seriesSeen > 0 || t.evidence.length > 0);
    const limit = discoveryLimit(judged, at);

    for (const tick of judged) {
      const state = stateOf(tick);
      const surprise = surpriseOf(tick.p);
      const record = (stage: DecisionRecord['stage'], passed: boolean, reason: string, threshold: number | null) => {
        const outcome = passed ? 'passed' : 'suppressed';
        counts[`${stage} ${outcome}`] = (counts[`${stage} ${outcome}`] ?? 0) + 1;
        const subject = state.open?.id ?? state.key;
        const { tenant, service, p } = tick;
        decisions.push(
          decisionRecord(stamp, {
            at: tick.at,
            tenant,
            service,
            subject,
            stage,
            outcome,
            reason,
            value: p,
            limit: threshold,
          }),
        );
      };
      const policy = policies?.service(tick.tenant, tick.service) ?? null;
      const own = { ...options, ...policy?.persistence };
      const relevant = tick.evidence.filter((e) => matters(e, weighing(tick.tenant, e)));
      const meaningful = isMeaningful(tick.evidence, relevant);
      const factor = budget.factor(state.key, at);
      const passes = tick.p <= limit * factor;
      const extreme = policy?.persistence === undefined && isExtreme(tick, state, factor);
      const grace = state.open === null ? (policies?.grace(tick.tenant, tick.service, at) ?? null) : null;
      if (tick.provisional) {
        if (grace !== null) continue;
        if (state.open === null && extreme && meaningful && tick.learning !== true) {
          look(state, tick, surprise, relevant, 1, own.window);
          anomalies.push(open(state, tick, policy));
          record('persistence', true, 'extreme at once, before the tick ended', options.extremeP);
        }
        continue;
      }
      const alreadyLooked = state.recent.at(-1)?.at === tick.at;
      // What was strange a minute ago opens; whether it goes on is for this tick alone to say.
      const still = state.open === null ? surprise : surpriseOf(tick.pNow ?? tick.p);
      const strange = still >= SUSPICIOUS && meaningful && tick.learning !== true;
      if (!alreadyLooked) look(state, tick, surprise, relevant, strange ? 1 : 0, own.window);
      else if (strange) remember(state, tick, relevant);

      if (state.open !== null) {
        const change = follow(state, tick, strange, own, policy);
        if (change !== null) anomalies.push(change);
        continue;
      }
      if (surprise < SUSPICIOUS) continue;
      if (tick.learning === true) record('service-p', false, 'the service is still being learnt', null);
      else if (!meaningful)
        record(
          'service-p',
          false,
          `all deviations are below ${percent(options.minRelativeDeviation)} or in a harmless direction`,
          null,
        );
      else if (!passes && tick.p <= limit)
        record('budget', false, 'verdicts made the limit of this service stricter', limit * factor);
      else {
        const mean = persistentSurprise(state, at, own.needed);
        const needed = surpriseOf(limit * factor);
        if (!passes && mean < needed) {
          record('false-discovery', false, 'not strange enough among all services of this tick', limit * factor);
          continue;
        }
        if (passes) record('false-discovery', true, 'stands out among all services of this tick', limit * factor);
        if ((extreme || mean >= needed) && grace !== null) record('policy', false, grace, null);
        else if (extreme || mean >= needed) {
          const reason = extreme ? 'extreme at once' : `strange in ${own.needed} of ${own.window} ticks with data`;
          anomalies.push(open(state, tick, policy));
          if (isFlapping(state, policy))
            record(
              'policy',
              true,
              `flapping: opened ${state.opens?.length} times; stays open until it has settled`,
              null,
            );
          record('persistence', true, reason, extreme ? options.extremeP : limit * factor);
        } else
          record(
            'persistence',
            false,
            `not yet strange in ${own.needed} of ${own.window} ticks with data`,
            limit * factor,
          );
      }
    }
    for (const state of states.values()) {
      if (state.open !== null && at - state.lastData >= options.abandonAfter) anomalies.push(close(state, at));
    }
    return { anomalies, decisions };
  }

  /** Benjamini-Hochberg with alpha = m p*: the k-th smallest of m may be as large as k p*. */
  function discoveryLimit(ticks: readonly ServiceTick[], at: EpochMs): number {
    const ps = ticks
      .filter((t) => !t.provisional && t.learning !== true && t.p <= LARGEST_LIMIT)
      .map((t) => t.p / budget.factor(`${t.tenant}/${t.service}`, at))
      .sort((a, b) => a - b);
    let limit = limitOfOne;
    ps.forEach((p, i) => {
      const allowed = Math.min(LARGEST_LIMIT, (i + 1) * limitOfOne);
      if (p <= allowed) limit = Math.max(limit, allowed);
    });
    return limit;
  }

  function isExtreme(tick: ServiceTick, state: ServiceState, factor: number): boolean {
    // A fifth of the budget, spread over the ticks that a week has at the pace of this service.
    const share = (0.2 * options.pageBudget * state.interval) / (MINUTES_A_WEEK * MINUTE);
    const limit = Math.min(options.extremeP, share) * factor;
    return tick.p < limit && (tick.seriesStrange >= options.extremeSeries || bitCount(strangeModalities(tick)) >= 2);
  }

  function look(
    state: ServiceState,
    tick: ServiceTick,
    surprise: number,
    relevant: readonly Evidence[],
    strange: number,
    window: number,
  ): void {
    if (state.lastData > 0) {
      const gap = Math.min(MINUTE, Math.max(10 * SECOND, tick.at - state.lastData));
      state.interval += 0.05 * (gap - state.interval);
    }
    state.lastData = Math.max(state.lastData, tick.at);
    state.recent.push({ at: tick.at, surprise, strange });
    while (state.recent.length > window) state.recent.shift();
    if (strange === 1) remember(state, tick, relevant);
    else if (state.open === null && tick.at - state.lastStrange > RUN_GAP) state.evidence = [];
  }

  function remember(state: ServiceState, tick: ServiceTick, relevant: readonly Evidence[]): void {
    if (state.open === null && tick.at - state.lastStrange > RUN_GAP) {
      state.runStart = tick.at;
      state.runTicks = 0;
      state.modalities = 0;
      state.strangeSeries = 0;
      state.evidence = [];
    }
    state.lastStrange = tick.at;
    state.runTicks += 1;
    state.modalities |= strangeModalities(tick);
    state.strangeSeries = Math.max(state.strangeSeries, tick.seriesStrange, relevant.length);
    state.evidence = mergeEvidence(state.evidence, relevant, MAX_EVIDENCE);
  }

  /** Mean surprise of the strongest `needed` strange ticks in the window; 0 while there are too few. */
  function persistentSurprise(state: ServiceState, at: EpochMs, needed: number): number {
    const strange = state.recent
      .filter((l) => l.strange === 1 && at - l.at <= options.windowSpan)
      .map((l) => l.surprise)
      .sort((a, b) => b - a)
      .slice(0, needed);
    return strange.length < needed ? 0 : strange.reduce((sum, s) => sum + s, 0) / strange.length;
  }

  /** The options that evidence is weighed with: those of the service, or what a policy says of its series. */
  function weighing(tenant: string, e: Evidence): DecideOptions {
    const given = policies?.evidence(tenant, e) ?? null;
    return given === null ? options : { ...options, ...given };
  }

  function open(state: ServiceState, tick: ServiceTick, policy: ServicePolicy | null): Anomaly {
    state.quietTicks = 0;
    const flapping = policy?.flapping;
    if (flapping !== undefined)
      state.opens = [...(state.opens ?? []).filter((at) => tick.at - at <= flapping.within), tick.at];
    state.open = describe(state, tick, {
      id: stableId('anomaly', tick.tenant, tick.service, tick.at),
      openedAt: tick.at,
      p: tick.p,
      closedAt: null,
    });
    return state.open;
  }

  function describe(
    state: ServiceState,
    tick: ServiceTick,
    fixed: Pick<Anomaly, 'id' | 'openedAt' | 'p' | 'closedAt'>,
  ): Anomaly {
    const kind = dominantKind(state.evidence);
    const earliest = state.runStart - 5 * MINUTE;
    const onset = state.evidence.reduce(
      (t, e) => (e.p <= 1e-3 ? Math.min(t, Math.max(earliest, e.onset)) : t),
      state.runStart,
    );
    const draft: Anomaly = {
      ...fixed,
      tenant: tick.tenant,
      service: tick.service,
      class: CLASS_OF[kind],
      kind,
      onset,
      updatedAt: tick.at,
      score: scoreOf(fixed.p),
      confidence: confidenceOf(fixed.p, state.strangeSeries, bitCount(state.modalities), state.runTicks),
      evidence: state.evidence,
      contributions: contributionsOf(state.evidence),
      text: '',
    };
    return { ...draft, text: explain(draft) };
  }

  function follow(
    state: ServiceState,
    tick: ServiceTick,
    strange: boolean,
    own: DecideOptions,
    policy: ServicePolicy | null,
  ): Anomaly | null {
    const before = state.open;
    if (before === null) return null;
    if (strange) {
      state.quietTicks = 0;
      const p = Math.min(before.p, Math.max(1e-6, tick.p));
      const more = state.evidence.length > before.evidence.length;
      const next = describe(state, tick, { id: before.id, openedAt: before.openedAt, p, closedAt: null });
      if (p === before.p && !more && tick.at - before.updatedAt < UPDATE_EVERY) return null;
      state.open = next;
      return next;
    }
    if ((tick.pNow ?? tick.p) > options.recoveryP) state.quietTicks += 1;
    const settle = isFlapping(state, policy) ? (policy?.flapping?.settle ?? 0) : 0;
    const quiet = Math.max(own.closeAfter, settle);
    if (state.quietTicks < own.closeTicks || tick.at - state.lastStrange < quiet) return null;
    return close(state, tick.at);
  }

  function close(state: ServiceState, at: EpochMs): Anomaly {
    const closed: Anomaly = { ...(state.open as Anomaly), closedAt: at, updatedAt: at };
    state.open = null;
    state.recent = [];
    state.evidence = [];
    state.quietTicks = 0;
    return closed;
  }

  return {
    step,
    budget,
    open: () => [...states.values()].flatMap((s) => (s.open === null ? [] : [s.open])),
    counts: () => ({ ...counts }),
    save: () => ({ version: 1, services: [...states.values()], budget: budget.save(), counts }),
    restore(state) {
      const copy = structuredCopy(state);
      states = new Map(copy.services.map((s) => [s.key, s]));
      budget.restore(copy.budget);
      counts = { ...copy.counts };
    },
  };
}

const isFlapping = (state: ServiceState, policy: ServicePolicy | null): boolean =>
  policy?.flapping !== undefined && (state.opens?.length ?? 0) >= policy.flapping.times;

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** The kernel has no structuredClone; state is plain data, where NaN (no expectation) must survive. */
function structuredCopy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(structuredCopy) as T;
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, structuredCopy(v)])) as T;
  }
  return value;
}
