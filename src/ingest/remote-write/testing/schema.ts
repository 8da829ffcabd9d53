import protobuf from 'protobufjs';

const HISTOGRAM = `message Histogram {
    oneof count { uint64 count_int = 1; double count_float = 2; }
    double sum = 3; sint32 schema = 4; double zero_threshold = 5;
    oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
    repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
    repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
    int32 reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16;
  }
  message BucketSpan { sint32 offset = 1; uint32 length = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }`;

/** The messages of remote write by field number, for an independent library to encode. */
export const V1 = protobuf.parse(`syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
  message MetricMetadata { int32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
  message Label { string name = 1; string value = 2; }
  message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
  ${HISTOGRAM}`).root;

export const V2 = protobuf.parse(`syntax = "proto3";
  message Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }
  message Metadata { int32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
  message Exemplar { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
  message TimeSeries { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3; repeated Exemplar exemplars = 4; Metadata metadata = 5; int64 created_timestamp = 6; }
  ${HISTOGRAM}`).root;

export interface HistogramMessage {
  readonly countInt?: number;
  readonly countFloat?: number;
  readonly sum?: number;
  readonly schema?: number;
  readonly zeroThreshold?: number;
  readonly zeroCountInt?: number;
  readonly zeroCountFloat?: number;
  readonly negativeSpans?: readonly { readonly offset: number; readonly length: number }[];
  readonly negativeDeltas?: readonly number[];
  readonly negativeCounts?: readonly number[];
  readonly positiveSpans?: readonly { readonly offset: number; readonly length: number }[];
  readonly positiveDeltas?: readonly number[];
  readonly positiveCounts?: readonly number[];
  readonly resetHint?: number;
  readonly timestamp?: number;
  readonly customValues?: readonly number[];
}

export interface SeriesMessage {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples?: readonly { readonly value: number; readonly timestamp: number }[];
  readonly histograms?: readonly HistogramMessage[];
  readonly exemplars?: number;
  /** 2.0 only. */
  readonly type?: number;
  readonly unit?: string;
  readonly created?: number;
}

export function encodeV1(series: readonly SeriesMessage[]): Uint8Array {
  const type = V1.lookupType('WriteRequest');
  const timeseries = series.map((one) => ({
    labels: Object.entries(one.labels).map(([name, value]) => ({ name, value })),
    samples: one.samples ?? [],
    histograms: one.histograms ?? [],
    exemplars: exemplars(one.exemplars ?? 0),
  }));
  return type.encode(type.fromObject({ timeseries })).finish();
}

export function encodeV2(series: readonly SeriesMessage[], packed = true): Uint8Array {
  const symbols = [''];
  const ref = (text: string): number => {
    const at = symbols.indexOf(text);
    return at >= 0 ? at : symbols.push(text) - 1;
  };
  const timeseries = series.map((one) => ({
    labelsRefs: Object.entries(one.labels).flatMap(([name, value]) => [ref(name), ref(value)]),
    samples: one.samples ?? [],
    histograms: one.histograms ?? [],
    exemplars: exemplars(one.exemplars ?? 0),
    metadata: { type: one.type ?? 0, helpRef: ref('some help'), unitRef: ref(one.unit ?? '') },
    createdTimestamp: one.created ?? 0,
  }));
  const type = V2.lookupType('Request');
  const field = V2.lookupType('TimeSeries').fields['labelsRefs']!;
  field.options = { ...field.options, packed };
  return type.encode(type.fromObject({ symbols, timeseries })).finish();
}

function exemplars(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({ value: i, timestamp: 1 }));
}

/** The stale marker as a number whose bits survive an encoder that writes doubles from a Float64Array. */
export function patchStale(body: Uint8Array, placeholder: number): Uint8Array {
  const out = Uint8Array.from(body);
  const view = new DataView(out.buffer);
  for (let at = 0; at + 8 <= out.length; at++) {
    if (view.getFloat64(at, true) === placeholder) view.setBigUint64(at, 0x7ff0000000000002n, true);
  }
  return out;
}
