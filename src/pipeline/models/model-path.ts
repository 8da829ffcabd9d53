import { createRowDetector, ROW_DETECTORS, type RowDetectorName } from '../../detect/registry.ts';
import type { Evidence } from '../../domain/anomaly.ts';
import { ROW_SLOTS, type StateBlob } from '../../domain/detector.ts';
import type { OptionsSpec } from '../../domain/options.ts';
import type { WindowRows } from '../../domain/signal/history.ts';
import type { SeriesInfo } from '../../domain/signal/series.ts';
import { createEvidence } from '../../domain/signal/ticks.ts';
import type { EpochMs } from '../../domain/units.ts';
import { createServiceRows, SERVICE_ROW_OPTIONS } from '../../features/service-row/service-row.ts';
import { signalName } from '../../fuse/explain/explain.ts';
import { createRowFusion } from '../../fuse/row-fusion.ts';
import type { ServiceFusion } from '../../fuse/service/service.ts';
import type { ShardSeriesTable } from '../../ingest/series/series-table.ts';
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

/** A row this strange is evidence; one that is not still counts as a voice. */
const STRANGE_P = 1e-3;
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

  constructor(table: ShardSeriesTable, service: ServiceFusion, settings: Settings) {
    const { on, ...options } = settings.detect.rows;
    const names = on as readonly RowDetectorName[];
    this.#table = table;
    this.#service = service;
    this.#rows = createServiceRows(options);
    this.#fusion = createRowFusion(
      names.map((name) => createRowDetector(name)),
      Object.fromEntries(names.map((name) => [name, ROW_DETECTORS[name].weight || 1])),
    );
  }

  get bytesPerSeries(): number {
    return this.#fusion.names.length === 0 ? 0 : this.#rows.bytesPerSeries;
  }

  /** Series that the table has described, so that they become signals of their services. */
  meet(fresh: readonly { readonly index: number; readonly info: SeriesInfo }[]): void {
    if (this.#fusion.names.length === 0) return;
    this.#rows.grow(this.#table.size);
    for (const { index, info } of fresh) this.#rows.assign(index, this.#table.service[index]!, info.id);
  }

  forget(series: number): void {
    this.#rows.release(series);
  }

  /** What the windows that ended with a tick say of their services; call before the services are judged. */
  tick(windows: WindowRows, at: EpochMs, interval: ArrayLike<number>): void {
    if (this.#fusion.names.length === 0) return;
    this.#rows.add(windows, at, interval);
    this.#rows.close(at, (service, row) => {
      const verdict = this.#fusion.observe(service, row, at, false);
      if (verdict === null) return;
      const evidence = verdict.p < STRANGE_P ? this.#evidence(service, row, verdict.p, at) : null;
      this.#service.addVoice(service, 'metric', verdict.p, evidence);
    });
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
    return { 'rows.signals': this.#rows.save(), ...this.#fusion.save() };
  }

  restore(parts: Readonly<Record<string, StateBlob>>): void {
    if (parts['rows.signals'] !== undefined) this.#rows.restore(parts['rows.signals']);
    this.#fusion.restore(parts);
  }
}
