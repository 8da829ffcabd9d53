import type { DeployMarker } from '../../domain/signal/batch.ts';
import { SERIES_KIND, type SeriesKind } from '../../domain/signal/series.ts';
import { type EpochMs, UNKNOWN_SERVICE } from '../../domain/units.ts';
import { SERVICE_FALLBACKS } from '../series/series-labels.ts';
import type { ShardSeriesTable } from '../series/series-table.ts';
import type { Wire } from '../wire/proto.ts';
import type { Symbols } from './symbols.ts';
import { type EntryColumns, ITEM } from './write-columns.ts';
import type { WriteVersion } from './write-scan.ts';

/** Metadata.MetricType of 2.0. */
const TYPE = { unspecified: 0, counter: 1, gauge: 2, histogram: 3, gaugeHistogram: 4, summary: 5 } as const;

/** Labels that name the service, best first; dots became underscores on their way through Prometheus. */
const SERVICE_LABELS = [
  'service_name',
  'service.name',
  ...SERVICE_FALLBACKS.flatMap((key) => [key.replaceAll('.', '_'), key]),
];
const SERVICE_RANK: ReadonlyMap<string, number> = new Map(SERVICE_LABELS.map((key, rank) => [key, rank]));
/** These say nothing beyond what became of them. */
const CONSUMED: ReadonlySet<string> = new Set([
  '__name__',
  'service_name',
  'service.name',
  'service_namespace',
  'service.namespace',
  'service_version',
  'service.version',
]);
const COUNTER_SUFFIX = /_(?:total|count|sum|bucket)$/;
const PART_SUFFIX = /_(?:count|sum|bucket)$/;

/** Turns the labels of a new series into its identity: slow path, once per raw form. */
export class SeriesLabels {
  private readonly wire: Wire;
  private readonly symbols: Symbols;
  private readonly table: Pick<ShardSeriesTable, 'identity' | 'names'>;
  private readonly decoder = new TextDecoder();
  private readonly found = new Map<string, string>();
  private service = 0;
  private version = '';

  constructor(wire: Wire, symbols: Symbols, table: Pick<ShardSeriesTable, 'identity' | 'names'>) {
    this.wire = wire;
    this.symbols = symbols;
    this.table = table;
  }

  /** Whether the TimeSeries `[start, end)` names its metric; checks every label. @throws TocsinError `bad_payload`. */
  hasName(write: WriteVersion, start: number, end: number): boolean {
    this.read(write, start, end);
    return (this.found.get('__name__') ?? '') !== '';
  }

  /** Fills the table's identity with an entry whose labels were checked. */
  identify(write: WriteVersion, tenant: string, entries: EntryColumns, at: number): void {
    const { identity, names } = this.table;
    const { found } = this;
    this.read(write, entries.start[at]!, entries.end[at]!);
    const name = found.get('__name__')!;
    const kind = kindOf(name, entries.item[at]!, entries.type[at]!, found.has('quantile'));
    const source = this.serviceSource();
    this.service = names.service(tenant, this.serviceName(source));
    this.version = found.get('service_version') ?? found.get('service.version') ?? '';
    const unit = entries.unit[at]!;
    identity.begin(this.service, names.metric(name, unit === 0 ? '' : this.symbol(unit)), kind);
    for (const [key, value] of found) if (key !== source && !CONSUMED.has(key)) identity.addText(key, value);
  }

  /** Service of the TimeSeries `[start, end)`, as `identify` would name it; what routing goes by. */
  serviceOf(write: WriteVersion, start: number, end: number): string {
    this.read(write, start, end);
    return this.serviceName(this.serviceSource());
  }

  /** A version of the service of the series just identified that was not seen before. */
  deployed(at: EpochMs): DeployMarker | null {
    return this.version === '' ? null : this.table.names.noteVersion(this.service, this.version, at);
  }

  private serviceSource(): string {
    let best = '';
    let rank = SERVICE_LABELS.length;
    for (const [key, value] of this.found) {
      const own = SERVICE_RANK.get(key);
      if (own === undefined || own >= rank || value === '' || value.startsWith(UNKNOWN_SERVICE)) continue;
      rank = own;
      best = key;
    }
    return best;
  }

  /** `namespace/name`; `job` already has that form when OpenTelemetry data came through Prometheus. */
  private serviceName(source: string): string {
    if (source === '') return UNKNOWN_SERVICE;
    const name = this.found.get(source)!;
    const namespace = this.found.get('service_namespace') ?? this.found.get('service.namespace') ?? '';
    return namespace === '' || name.startsWith(`${namespace}/`) ? name : `${namespace}/${name}`;
  }

  private read(write: WriteVersion, start: number, end: number): void {
    this.found.clear();
    if (write === 2) {
      this.symbols.eachLabel(this.wire, start, end, (key, value) =>
        this.found.set(this.symbol(key), this.symbol(value)),
      );
      return;
    }
    const { wire } = this;
    wire.pos = start;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag !== 0x0a) {
        wire.skip(tag, end);
        continue;
      }
      const stop = wire.span(end);
      let key = '';
      let value = '';
      while (wire.pos < stop) {
        const field = wire.tag(stop);
        if (field >>> 3 > 2) {
          wire.skip(field, stop);
          continue;
        }
        const textEnd = wire.message(field, stop);
        const text = this.text(wire.pos, textEnd);
        wire.pos = textEnd;
        if (field === 0x0a) key = text;
        else value = text;
      }
      this.found.set(key, value);
    }
  }

  private symbol(index: number): string {
    return this.text(this.symbols.start[index]!, this.symbols.end[index]!);
  }

  private text(start: number, end: number): string {
    return this.decoder.decode(this.wire.buf.subarray(start, end));
  }
}

/**
 * What the numbers are. 2.0 says it; 1.0 does not, so there the name decides, as Prometheus' naming rules allow. The parts
 * of a classic histogram or summary are running totals whatever the type of the whole.
 */
export function kindOf(name: string, item: number, type: number, isQuantile: boolean): SeriesKind {
  if (item === ITEM.histogram) return SERIES_KIND.histogram;
  // Every sample of a gauge histogram stands for itself, as the increments of a delta histogram do.
  if (item === ITEM.gaugeHistogram) return SERIES_KIND.deltaHistogram;
  switch (type) {
    case TYPE.counter:
      return SERIES_KIND.counter;
    case TYPE.histogram:
      return SERIES_KIND.counter;
    case TYPE.summary:
      return isQuantile && !PART_SUFFIX.test(name) ? SERIES_KIND.gauge : SERIES_KIND.counter;
    case TYPE.unspecified:
      return COUNTER_SUFFIX.test(name) ? SERIES_KIND.counter : SERIES_KIND.gauge;
    default:
      return SERIES_KIND.gauge;
  }
}
