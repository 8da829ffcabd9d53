/** The fields of OTLP that the decoders read, as data; what is not here is ignored. */

export type FieldType =
  | 'string'
  | 'hex'
  | 'base64'
  | 'bool'
  | 'double'
  | 'fixed64'
  | 'sfixed64'
  | 'uint64'
  | 'int64'
  | 'uint32'
  | 'sint32'
  | 'enum'
  | 'message';

export interface Field {
  readonly number: number;
  readonly type: FieldType;
  readonly repeated: boolean;
  /** For messages; a function because values nest in values. */
  readonly of: (() => Message) | null;
  /** For enums: names (in full) to numbers. */
  readonly names: Readonly<Record<string, number>> | null;
}
/** Fields by name, in lowerCamelCase and in snake_case. */
export type Message = ReadonlyMap<string, Field>;

function field(number: number, type: FieldType, repeated = false): Field {
  return { number, type, repeated, of: null, names: null };
}
function nested(number: number, of: () => Message, repeated = false): Field {
  return { number, type: 'message', repeated, of, names: null };
}
function named(number: number, names: Readonly<Record<string, number>>): Field {
  return { number, type: 'enum', repeated: false, of: null, names };
}

function message(fields: Readonly<Record<string, Field>>): Message {
  const all = new Map<string, Field>();
  for (const [name, value] of Object.entries(fields)) {
    all.set(name, value);
    all.set(
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    );
  }
  return all;
}

const SPAN_KINDS = { UNSPECIFIED: 0, INTERNAL: 1, SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 };
const prefixed = (prefix: string, names: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(names).map(([name, number]) => [prefix + name, number]));
const SEVERITIES: Record<string, number> = { SEVERITY_NUMBER_UNSPECIFIED: 0 };
for (const [i, name] of ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].entries()) {
  for (let k = 0; k < 4; k++) SEVERITIES[`SEVERITY_NUMBER_${name}${k === 0 ? '' : k + 1}`] = i * 4 + k + 1;
}
const TEMPORALITY = prefixed('AGGREGATION_TEMPORALITY_', { UNSPECIFIED: 0, DELTA: 1, CUMULATIVE: 2 });

const anyValue: Message = message({
  stringValue: field(1, 'string'),
  boolValue: field(2, 'bool'),
  intValue: field(3, 'int64'),
  doubleValue: field(4, 'double'),
  arrayValue: nested(5, () => arrayValue),
  kvlistValue: nested(6, () => keyValueList),
  bytesValue: field(7, 'base64'),
});
const keyValue = message({ key: field(1, 'string'), value: nested(2, () => anyValue) });
const arrayValue = message({ values: nested(1, () => anyValue, true) });
const keyValueList = message({ values: nested(1, () => keyValue, true) });
const attributes = (number: number): Field => nested(number, () => keyValue, true);
const resource = message({ attributes: attributes(1) });

const numberPoint = message({
  attributes: attributes(7),
  startTimeUnixNano: field(2, 'fixed64'),
  timeUnixNano: field(3, 'fixed64'),
  asDouble: field(4, 'double'),
  asInt: field(6, 'sfixed64'),
  flags: field(8, 'uint32'),
});
const histogramPoint = message({
  attributes: attributes(9),
  startTimeUnixNano: field(2, 'fixed64'),
  timeUnixNano: field(3, 'fixed64'),
  count: field(4, 'fixed64'),
  sum: field(5, 'double'),
  bucketCounts: field(6, 'fixed64', true),
  explicitBounds: field(7, 'double', true),
  flags: field(10, 'uint32'),
});
const buckets = message({ offset: field(1, 'sint32'), bucketCounts: field(2, 'uint64', true) });
const exponentialPoint = message({
  attributes: attributes(1),
  startTimeUnixNano: field(2, 'fixed64'),
  timeUnixNano: field(3, 'fixed64'),
  count: field(4, 'fixed64'),
  sum: field(5, 'double'),
  scale: field(6, 'sint32'),
  zeroCount: field(7, 'fixed64'),
  positive: nested(8, () => buckets),
  negative: nested(9, () => buckets),
  flags: field(10, 'uint32'),
  zeroThreshold: field(14, 'double'),
});
const quantile = message({ quantile: field(1, 'double'), value: field(2, 'double') });
const summaryPoint = message({
  attributes: attributes(7),
  startTimeUnixNano: field(2, 'fixed64'),
  timeUnixNano: field(3, 'fixed64'),
  count: field(4, 'fixed64'),
  sum: field(5, 'double'),
  quantileValues: nested(6, () => quantile, true),
  flags: field(8, 'uint32'),
});
const points = (of: Message): Field => nested(1, () => of, true);
const distribution = (of: Message): Message =>
  message({ dataPoints: points(of), aggregationTemporality: named(2, TEMPORALITY) });
const metric = message({
  name: field(1, 'string'),
  unit: field(3, 'string'),
  gauge: nested(5, () => gauge),
  sum: nested(7, () => sum),
  histogram: nested(9, () => histogram),
  exponentialHistogram: nested(10, () => exponential),
  summary: nested(11, () => summary),
});
const gauge = message({ dataPoints: points(numberPoint) });
const sum = message({
  dataPoints: points(numberPoint),
  aggregationTemporality: named(2, TEMPORALITY),
  isMonotonic: field(3, 'bool'),
});
const histogram = distribution(histogramPoint);
const exponential = distribution(exponentialPoint);
const summary = message({ dataPoints: points(summaryPoint) });

const logRecord = message({
  timeUnixNano: field(1, 'fixed64'),
  severityNumber: named(2, SEVERITIES),
  severityText: field(3, 'string'),
  body: nested(5, () => anyValue),
  traceId: field(9, 'hex'),
  observedTimeUnixNano: field(11, 'fixed64'),
});
const status = message({
  code: named(3, prefixed('STATUS_CODE_', { UNSET: 0, OK: 1, ERROR: 2 })),
});
const span = message({
  traceId: field(1, 'hex'),
  spanId: field(2, 'hex'),
  parentSpanId: field(4, 'hex'),
  name: field(5, 'string'),
  kind: named(6, prefixed('SPAN_KIND_', SPAN_KINDS)),
  startTimeUnixNano: field(7, 'fixed64'),
  endTimeUnixNano: field(8, 'fixed64'),
  attributes: attributes(9),
  status: nested(15, () => status),
});

/** One level of Resource*: the resource and its scopes, each holding `items`. */
function envelope(resourceItems: string, scopeItems: string, legacy: string, items: string, of: Message): Message {
  const scope = message({ [items]: nested(2, () => of, true) });
  const group = message({
    resource: nested(1, () => resource),
    [scopeItems]: nested(2, () => scope, true),
    // The name before OTLP 1.0; some exporters still write it.
    [legacy]: nested(2, () => scope, true),
  });
  return message({ [resourceItems]: nested(1, () => group, true) });
}

export const METRICS_REQUEST = envelope(
  'resourceMetrics',
  'scopeMetrics',
  'instrumentationLibraryMetrics',
  'metrics',
  metric,
);
export const LOGS_REQUEST = envelope(
  'resourceLogs',
  'scopeLogs',
  'instrumentationLibraryLogs',
  'logRecords',
  logRecord,
);
export const TRACES_REQUEST = envelope('resourceSpans', 'scopeSpans', 'instrumentationLibrarySpans', 'spans', span);
