import {
  isOutOfRange,
  type Judgement,
  judge,
  labelsOfEvidence,
  type Policies,
  type Profile,
  SEASONS,
} from '../../domain/alerting/policy.ts';
import type { ZoneOffset } from '../../domain/alerting/suppression.ts';
import type { Evidence } from '../../domain/anomaly.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { decisionRecord } from '../../domain/identity.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import type { SeriesInfo } from '../../domain/signal/series.ts';
import { DAY, type EpochMs, MINUTE } from '../../domain/units.ts';
import type { SeriesScores } from '../../fuse/series-scores.ts';

const UNKNOWN = 0;
const NONE = 1;
const FIRST = 2;
/** What a suppressed sample counts as: an ordinary one (p = 0.5). */
const ORDINARY = 0.3;
/** What is out of its valid range counts as, -log10 p. */
const CERTAIN = 6;
/** Below it (p = 0.1) nothing is asked; above STRANGE (p = 1e-3) it goes on the record. */
const DOUBTFUL = 1;
const STRANGE = 3;
/** A series that stays suppressed is written down again after this long. */
const RECORD_EVERY = 10 * MINUTE;
const MAX_RECORDS = 200;
/** Seasons are remembered in slots of this length. */
const SLOT = 30 * MINUTE;
const MEMORY = 32 * DAY;
/** As strange as in the season before, or a little more. */
const LIKE_BEFORE = 1.5;

const OF_SIZE = ['min_dev_from_expected', 'min_rel_dev_from_expected', 'seasonalities', 'holidays'] as const;
const OF_DEVIATIONS = ['detection_direction', ...OF_SIZE] as const;

/** Largest deviation of a slot of half an hour, below and above what was expected. */
type Season = Map<number, [number, number]>;

interface Suppressed extends Judgement {
  readonly at: EpochMs;
  readonly service: string;
  readonly tenant: string;
}

/**
 * What the configured policies say of each series of a shard, applied where its strangeness enters its service: so the
 * p of the service is right without it. Costs nothing without policies, a look-up a strange sample with them.
 */
export class PolicyTable {
  readonly #policies: Policies;
  readonly #zone: ZoneOffset;
  readonly #describe: (series: number) => SeriesInfo;
  readonly #profiles: Profile[] = [];
  #of = new Uint16Array(0);
  readonly #suppressed = new Map<string, Suppressed>();
  readonly #recorded = new Map<string, EpochMs>();
  readonly #seasons = new Map<string, Season>();

  constructor(policies: Policies, zone: ZoneOffset, describe: (series: number) => SeriesInfo) {
    this.#policies = policies;
    this.#zone = zone;
    this.#describe = describe;
  }

  grow(capacity: number): void {
    if (this.#policies.empty || capacity <= this.#of.length) return;
    const wider = new Uint16Array(capacity);
    wider.set(this.#of);
    this.#of = wider;
  }

  reset(series: number): void {
    if (series < this.#of.length) this.#of[series] = UNKNOWN;
  }

  /** Makes suppressed samples ordinary and impossible ones certain, before they count for their service. */
  apply({ series, time, value, length }: PointBatch, scores: SeriesScores): void {
    if (this.#policies.empty) return;
    const { evidence, expected } = scores;
    for (let i = 0; i < length; i += 1) {
      const s = series[i]!;
      let at = this.#of[s]!;
      if (at === NONE) continue;
      if (at === UNKNOWN) {
        at = this.#resolve(s);
        if (at === NONE) continue;
      }
      const profile = this.#profiles[at - FIRST]!;
      if (isOutOfRange(profile, value[i]!)) evidence[i] = CERTAIN;
      else if (evidence[i]! > DOUBTFUL) {
        const strange = evidence[i]! > STRANGE;
        const found = judge(profile, value[i]!, expected[i]!, time[i]!, this.#zone);
        const info = found !== null || profile.seasonalities !== undefined ? this.#describe(s) : null;
        const why =
          found ?? (info === null ? null : this.#season(profile, info.id, value[i]! - expected[i]!, time[i]!, strange));
        if (why === null || info === null) continue;
        evidence[i] = ORDINARY;
        if (strange) this.#note(info.id, { ...why, at: time[i]!, service: info.service, tenant: info.tenant });
      }
    }
  }

  /** Whether evidence that is no sample (a log line, a call, silence) counts. */
  passes(tenant: string, evidence: Evidence): boolean {
    if (this.#policies.empty) return true;
    const profile = this.#policies.find(labelsOfEvidence(tenant, evidence));
    if (profile === null) return true;
    const { value, expected, at, service } = evidence;
    const why = judge(profile, value, expected, at, this.#zone);
    if (why === null) return true;
    this.#note(evidence.series, { ...why, at, service, tenant });
    return false;
  }

  /** Whether a policy says which deviations of a series count: then nobody judges them past it. */
  isOwn(series: number): boolean {
    const profile = this.#profileOf(series);
    return profile !== null && OF_DEVIATIONS.some((setting) => profile[setting] !== undefined);
  }

  /**
   * How far a series is from its slow level, in deviations, as it may count among the signals of its service: those of a
   * direction that does not, or of a size that only the series itself can judge, count as none.
   */
  rowValue(series: number, value: number): number {
    const profile = series < 0 ? null : this.#profileOf(series);
    if (profile === null) return value;
    const { detection_direction: direction = 'both' } = profile;
    if (direction !== 'both' && (direction === 'above_expected') !== value > 0) return 0;
    return OF_SIZE.some((setting) => profile[setting] !== undefined) ? 0 : value;
  }

  /** For the text of evidence: that the value is none that the series can have. */
  rangeText(series: number, value: number): string | null {
    const at = this.#of[series] ?? UNKNOWN;
    const profile = at >= FIRST ? this.#profiles[at - FIRST] : undefined;
    if (profile?.data_range === undefined || !isOutOfRange(profile, value)) return null;
    const [low, high] = profile.data_range;
    if (low !== null && high !== null) return `outside of its valid range ${low} to ${high}`;
    return low === null ? `above ${high}, the most it can be` : `below ${low}, the least it can be`;
  }

  /** What was suppressed since the last tick and is not on the record yet. */
  take(at: EpochMs): readonly DecisionRecord[] {
    const out: DecisionRecord[] = [];
    for (const [subject, { tenant, service, reason, value, limit }] of this.#suppressed) {
      if (out.length >= MAX_RECORDS) break;
      if (at - (this.#recorded.get(subject) ?? Number.NEGATIVE_INFINITY) < RECORD_EVERY) continue;
      this.#recorded.set(subject, at);
      out.push(
        decisionRecord(
          { modelVersion: '', configHash: '' },
          { at, tenant, service, subject, stage: 'policy', outcome: 'suppressed', reason, value, limit },
        ),
      );
    }
    this.#suppressed.clear();
    for (const [subject, time] of this.#recorded) if (at - time >= RECORD_EVERY) this.#recorded.delete(subject);
    return out;
  }

  save(): StateBlob {
    return {
      version: 1,
      arrays: {},
      meta: {
        suppressed: [...this.#suppressed],
        recorded: [...this.#recorded],
        seasons: [...this.#seasons].map(([id, season]) => [id, [...season]]),
      },
    };
  }

  restore(state: StateBlob | undefined): void {
    const meta = (state?.meta ?? { suppressed: [], recorded: [], seasons: [] }) as {
      readonly suppressed: readonly [string, Suppressed][];
      readonly recorded: readonly [string, EpochMs][];
      readonly seasons: readonly [string, [number, [number, number]][]][];
    };
    for (const map of [this.#suppressed, this.#recorded, this.#seasons]) map.clear();
    for (const [id, item] of meta.suppressed) this.#suppressed.set(id, item);
    for (const [id, at] of meta.recorded) this.#recorded.set(id, at);
    for (const [id, slots] of meta.seasons) this.#seasons.set(id, new Map(slots));
  }

  #profileOf(series: number): Profile | null {
    const at = this.#of[series] ?? NONE;
    const known = at === UNKNOWN ? this.#resolve(series) : at;
    return known === NONE ? null : this.#profiles[known - FIRST]!;
  }

  #resolve(series: number): number {
    const info = this.#describe(series);
    const { tenant, service, metric, instance, labels } = info;
    const profile = this.#policies.find({ ...labels, tenant, service, metric, instance });
    let at = NONE;
    if (profile !== null) {
      const known = this.#profiles.indexOf(profile);
      at = FIRST + (known >= 0 ? known : this.#profiles.push(profile) - 1);
    }
    this.#of[series] = at;
    return at;
  }

  #note(subject: string, item: Suppressed): void {
    if (this.#suppressed.has(subject) || this.#suppressed.size < 4 * MAX_RECORDS) this.#suppressed.set(subject, item);
  }

  /** Usual for the time: it was as far off, on the same side, at this time of the season before. */
  #season(profile: Profile, id: string, deviation: number, at: EpochMs, strange: boolean): Judgement | null {
    if (profile.seasonalities === undefined || !Number.isFinite(deviation)) return null;
    const side = deviation < 0 ? 0 : 1;
    const size = Math.abs(deviation);
    const slot = Math.floor(at / SLOT);
    let season = this.#seasons.get(id);
    let found: Judgement | null = null;
    for (const name of profile.seasonalities) {
      for (const ago of SEASONS[name]) {
        const then = slot - ago / SLOT;
        const before = Math.max(...[then - 1, then, then + 1].map((s) => season?.get(s)?.[side] ?? 0));
        if (found === null && before > 0 && size <= LIKE_BEFORE * before)
          found = {
            reason: `policy "${profile.by['seasonalities'] ?? ''}": as far off as at this time ${ago / DAY} days before (${name})`,
            value: size,
            limit: LIKE_BEFORE * before,
          };
      }
    }
    if (strange) {
      season ??= new Map();
      this.#seasons.set(id, season);
      const now = season.get(slot) ?? [0, 0];
      now[side] = Math.max(now[side]!, size);
      season.set(slot, now);
      for (const old of season.keys()) if (old < slot - MEMORY / SLOT) season.delete(old);
    }
    return found;
  }
}
