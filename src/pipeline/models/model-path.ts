import { createPromotedTier, PROMOTED_OPTIONS, type PromotedCoverage } from '../../detect/promoted/promoted.ts';
import {
  createPromotedDetector,
  createRowDetector,
  PROMOTED_DETECTORS,
  type PromotedDetectorName,
  ROW_DETECTORS,
  type RowDetectorName,
} from '../../detect/registry.ts';
import type { Evidence, ServiceTick } from '../../domain/anomaly.ts';
import { ROW_SLOTS, type StateBlob } from '../../domain/detector.ts';
import type { OptionsSpec } from '../../domain/options.ts';
import type { WindowRows } from '../../domain/signal/history.ts';
import type { SeriesInfo } from '../../domain/signal/series.ts';
import { createEvidence } from '../../domain/signal/ticks.ts';
import type { EpochMs } from '../../domain/units.ts';
import { createServiceRows, SERVICE_ROW_OPTIONS } from '../../features/service-row/service-row.ts';
import { signalName } from '../../fuse/explain/explain.ts';
import { createPromotedFusion } from '../../fuse/promoted-fusion.ts';
import { createRowFusion } from '../../fuse/row-fusion.ts';
import type { ServiceFusion } from '../../fuse/service/service.ts';
import type { ShardSeriesTable } from '../../ingest/series/series-table.ts';
import type { PolicyTable } from '../policy/policy-table.ts';
import type { Settings } from '../settings.ts';

/** `detect.rows` of the configuration. */
export const ROWS_OPTIONS = {
  ...SERVICE_ROW_OPTIONS,
  on: {
    type: 'strings',
    default: Object.entries(ROW_DETECTORS).flatMap(([name, entry]) => (entry.weight > 0 ? [name] : [])),
    doc: `Detectors that look at all signals of a service together; there are ${Object.keys(ROW_DETECTORS).join(', ')}.`,
  },
} as const satisfies OptionsSpec;

/** `detect.promoted` of the configuration. */
export const PROMOTED_TIER_OPTIONS = {
  ...PROMOTED_OPTIONS,
  on: {
    type: 'strings',
    default: Object.entries(PROMOTED_DETECTORS).flatMap(([name, entry]) => (entry.weight > 0 ? [name] : [])),
    doc: `Detectors that look at promoted series; there are ${Object.keys(PROMOTED_DETECTORS).join(', ')}.`,
  },
  important: {
    type: 'strings',
    default: [],
    doc: 'Metrics whose series are always looked at; `*` stands for any characters.',
  },
  say: {
    type: 'number',
    default: 0.3,
    min: 0,
    max: 1,
    doc: 'Share of the promoted tier in the -log10 p of a strange series; the rest is the always-on tier.',
  },
} as const satisfies OptionsSpec;

/** A row this strange is evidence. */
const STRANGE_P = 1e-3;
/** A service this strange has all its series looked at. */
const TROUBLED_P = 1e-3;
/** Signals named in a text, and kept as contributions. */
const NAMED = 3;
const KEPT = 8;

/**
 * What looks at services as a whole: one row a service of how far its signals are from their usual levels, made of the
 * windows that a tick closes, and the detectors of such rows. Nothing here runs per sample.
 */
export class ModelPath {
  readonly #table: ShardSeriesTable;
  readonly #service: ServiceFusion;
  readonly #rows;
  readonly #fusion;
  readonly #promoted;
  readonly #looks;
  readonly #say: number;
  /** Series whose deviations the configuration has an opinion on are not judged past it. */
  readonly #policy: Pick<PolicyTable, 'isOwn' | 'rowValue'>;
  readonly #isImportant: (metric: string) => boolean;
  /** 1 for series that are important by configuration. */
  #important = new Uint8Array(0);
  /** Services whose last tick was strange: all their series are wanted. */
  #troubled = new Set<number>();
  /** -log10 p by the promoted tier of the series it was asked about in the open tick. */
  readonly #judged = new Map<number, number>();

  constructor(
    table: ShardSeriesTable,
    service: ServiceFusion,
    settings: Settings,
    policy: Pick<PolicyTable, 'isOwn' | 'rowValue'>,
  ) {
    this.#policy = policy;
    const { on, ...options } = settings.detect.rows;
    const names = on as readonly RowDetectorName[];
    this.#table = table;
    this.#service = service;
    this.#rows = createServiceRows(options);
    this.#fusion = createRowFusion(
      names.map((name) => createRowDetector(name)),
      Object.fromEntries(names.map((name) => [name, ROW_DETECTORS[name].weight || 1])),
    );
    const promoted = settings.detect.promoted;
    const chosen = promoted.on as readonly PromotedDetectorName[];
    this.#say = promoted.say;
    this.#isImportant = anyOf(promoted.important);
    this.#looks = createPromotedFusion(
      chosen,
      chosen.map((name) => PROMOTED_DETECTORS[name].weight || 1),
    );
    this.#promoted =
      chosen.length === 0
        ? null
        : createPromotedTier(
            chosen.map((name) => createPromotedDetector(name)),
            promoted,
            this.#looks.bytesPerSlot,
          );
    if (this.#promoted !== null) this.#promoted.onReset = (slot) => this.#looks.reset(slot);
  }

  /** Null while no detector of the promoted tier is on. */
  coverage(at: EpochMs): PromotedCoverage | null {
    return this.#promoted?.coverage(at) ?? null;
  }

  get bytesPerSeries(): number {
    return (
      (this.#fusion.names.length === 0 ? 0 : this.#rows.bytesPerSeries) + (this.#promoted?.bytesPerSeries ?? 0) + 1
    );
  }

  /** Series that the table has described, so that they become signals of their services. */
  meet(fresh: readonly { readonly index: number; readonly info: SeriesInfo }[]): void {
    this.#grow();
    for (const { index, info } of fresh) {
      if (this.#fusion.names.length > 0) this.#rows.assign(index, this.#table.service[index]!, info.id);
      this.#important[index] = this.#isImportant(info.metric) ? 1 : 0;
    }
  }

  #grow(): void {
    const { size } = this.#table;
    if (size > this.#important.length) {
      const larger = new Uint8Array(Math.max(1_024, size, 2 * this.#important.length));
      larger.set(this.#important);
      this.#important = larger;
    }
    this.#rows.grow(this.#important.length);
    this.#promoted?.grow(this.#important.length);
  }

  forget(series: number): void {
    this.#rows.release(series);
    this.#promoted?.release(series);
    if (series < this.#important.length) this.#important[series] = 0;
  }

  /** What the windows that ended with a tick say of their services and series; call before the services are judged. */
  tick(windows: WindowRows, at: EpochMs, interval: ArrayLike<number>): void {
    this.#grow();
    this.#look(windows, at);
    if (this.#fusion.names.length === 0) return;
    this.#rows.add(windows, at, interval);
    this.#rows.close(at, (service, row) => {
      for (let slot = 0; slot < row.length; slot += 1)
        if (row[slot] !== 0) row[slot] = this.#policy.rowValue(this.#rows.seriesOf(service, slot), row[slot]!);
      const verdict = this.#fusion.observe(service, row, at, false);
      if (verdict === null) return;
      const evidence = verdict.p < STRANGE_P ? this.#evidence(service, row, verdict.p, at) : null;
      this.#service.addVoice(service, 'metric', verdict.p, evidence);
    });
  }

  /** The services of a tick as judged: those in trouble have all their series looked at next. */
  judged(ticks: readonly ServiceTick[], serviceNamed: (name: string) => number): void {
    this.#troubled.clear();
    for (const tick of ticks)
      if (tick.p < TROUBLED_P && tick.learning !== true) this.#troubled.add(serviceNamed(tick.service));
  }

  #look(windows: WindowRows, at: EpochMs): void {
    const promoted = this.#promoted;
    if (promoted === null) return;
    const { service, modality } = this.#table;
    const judged = this.#judged;
    judged.clear();
    const concerned = new Set<number>();
    promoted.tick(
      windows,
      at,
      (series) => this.#important[series] === 1 || this.#troubled.has(service[series]!),
      (look) => {
        const surprise = this.#looks.judge(look.slot, look.raw, !look.wanted);
        if (!look.wanted || Number.isNaN(surprise) || this.#policy.isOwn(look.series)) return;
        judged.set(look.series, Math.min(6, surprise));
        concerned.add(service[look.series]!);
      },
    );
    for (const one of concerned) {
      this.#service.revise(one, modality, (series, surprise) => {
        const closer = judged.get(series);
        return closer === undefined ? surprise : surprise + this.#say * (closer - surprise);
      });
    }
  }

  #evidence(service: number, row: Float64Array, p: number, at: EpochMs): Evidence {
    const shares = this.#fusion.blame(service, row);
    const slots = Array.from({ length: ROW_SLOTS }, (_, slot) => slot)
      .filter((slot) => shares[slot]! > 0)
      .sort((a, b) => shares[b]! - shares[a]! || a - b);
    const contributions = slots
      .slice(0, KEPT)
      .map((slot) => ({ name: this.#name(service, slot), share: shares[slot]! }));
    const rest = slots.slice(KEPT).reduce((sum, slot) => sum + shares[slot]!, 0);
    if (rest > 0) contributions.push({ name: 'others', share: rest });
    const off = slots.filter((slot) => Math.abs(row[slot]!) >= 3).length;
    const named = slots
      .slice(0, NAMED)
      .map((slot) => `${this.#name(service, slot)} ${row[slot]! > 0 ? 'high' : 'low'}`)
      .join(', ');
    return createEvidence({
      service: this.#table.describeService(service).service,
      modality: 'metric',
      metric: 'service.row',
      name: 'all signals together',
      kind: 'level-shift',
      at,
      p,
      value: off,
      contributions,
      text: `${off} of ${slots.length} signals far from their usual levels: ${named}`,
    });
  }

  #name(service: number, slot: number): string {
    const series = this.#rows.seriesOf(service, slot);
    if (series < 0) return 'unknown';
    const info = this.#table.describe(series);
    return signalName({
      ...info,
      series: info.id,
      kind: 'level-shift',
      onset: 0,
      p: 1,
      value: 0,
      expected: 0,
      lower: 0,
      upper: 0,
    });
  }

  save(): Record<string, StateBlob> {
    const own: StateBlob = {
      version: 1,
      arrays: { important: this.#important.slice() },
      meta: { troubled: [...this.#troubled] },
    };
    const promoted = this.#promoted === null ? {} : { ...this.#promoted.save(), 'promoted.looks': this.#looks.save() };
    return { models: own, 'rows.signals': this.#rows.save(), ...this.#fusion.save(), ...promoted };
  }

  /** Snapshots of before there were such models restore all but them. */
  restore(parts: Readonly<Record<string, StateBlob>>): void {
    const own = parts['models'];
    if (own !== undefined) {
      this.#important = (own.arrays['important'] as Uint8Array<ArrayBuffer>).slice();
      this.#troubled = new Set((own.meta as { troubled: number[] }).troubled);
    }
    if (parts['rows.signals'] !== undefined) this.#rows.restore(parts['rows.signals']);
    this.#fusion.restore(parts);
    this.#promoted?.restore(parts);
    if (parts['promoted.looks'] !== undefined) this.#looks.restore(parts['promoted.looks']);
  }
}

/** Matches any of the patterns, in which `*` stands for any characters. */
function anyOf(patterns: readonly string[]): (text: string) => boolean {
  if (patterns.length === 0) return () => false;
  const escaped = patterns.map((pattern) => pattern.split('*').map(literal).join('.*'));
  const expression = new RegExp(`^(?:${escaped.join('|')})$`);
  return (text) => expression.test(text);
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
