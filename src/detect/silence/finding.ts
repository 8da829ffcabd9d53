import type { EpochMs, SeriesIndex } from '../../domain/units.ts';

export type SilenceKind = 'zero' | 'series-retired' | 'target-silent' | 'pipeline-silent';

/** One silence, however many series share it. */
export interface SilenceFinding {
  readonly kind: SilenceKind;
  /** `open` at every scan while it lasts; `ended` once when the data return; `retired` once when it is taken as the end. */
  readonly status: 'open' | 'ended' | 'retired';
  readonly tenant: string;
  /** Empty for `pipeline-silent`. */
  readonly service: string;
  /** The instance, if one alone is silent; else empty. */
  readonly instance: string;
  /** Newest sample before the silence; for `zero`, the first zero. */
  readonly since: EpochMs;
  /** Chance of a silence this long, from the series' own history, the number of series accounted for; 1 once over. */
  readonly p: number;
  /** At most `MAX_LISTED` of the series concerned, most improbable first. */
  readonly series: readonly SeriesIndex[];
  readonly seriesCount: number;
}

export const MAX_LISTED = 32;

export interface Findings {
  /** Adds to the open findings those that were open at the last scan and are no more. */
  update(
    now: EpochMs,
    current: readonly SilenceFinding[],
    lastSeen: Float64Array,
    retired: Uint8Array,
  ): readonly SilenceFinding[];
  save(): readonly SilenceFinding[];
  restore(open: readonly SilenceFinding[]): void;
}

export function createFindings(): Findings {
  let open = new Map<string, SilenceFinding>();

  return {
    update(_now, current, lastSeen, retired) {
      const still = new Map<string, SilenceFinding>();
      const out: SilenceFinding[] = [];
      for (const finding of current) {
        out.push(finding);
        if (finding.status === 'open') still.set(keyOf(finding), finding);
      }
      for (const [key, finding] of open) {
        if (still.has(key)) continue;
        const ended = finding.kind === 'zero' || finding.series.some((s) => (lastSeen[s] as number) > finding.since);
        const gone = finding.series.every((s) => retired[s] === 1);
        // Neither: another finding tells the story now (one instance became the service, a service the pipeline).
        if (ended || gone) out.push({ ...finding, status: gone ? 'retired' : 'ended', p: 1 });
      }
      open = still;
      return out;
    },
    save: () => [...open.values()],
    restore(findings) {
      open = new Map(findings.map((finding) => [keyOf(finding), finding]));
    },
  };
}

function keyOf(finding: SilenceFinding): string {
  return JSON.stringify([finding.kind, finding.tenant, finding.service, finding.instance]);
}
