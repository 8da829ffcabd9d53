import { HOUR, MINUTE, SECOND } from '../domain/units.ts';

/**
 * The one catalogue of features: windows, percentiles and the names of computed series are taken from here by the
 * embedded engine, listed from here by the docs, and compiled from here to Flink SQL. Pure data.
 */

export type WindowName = '10s' | '1m' | '5m' | '1h';

/** Windows of every series, each a whole number of the one before; the first is what the history store keeps. */
export const WINDOW_SPECS: readonly { readonly name: WindowName; readonly ms: number }[] = [
  { name: '10s', ms: 10 * SECOND },
  { name: '1m', ms: MINUTE },
  { name: '5m', ms: 5 * MINUTE },
  { name: '1h', ms: HOUR },
];

export const WINDOW_AGGREGATES = ['count', 'mean', 'variance', 'min', 'max', 'last'] as const;
export type WindowAggregate = (typeof WINDOW_AGGREGATES)[number];

/** Where a feature comes from: samples, histogram samples, log records, spans, calls between services. */
export type FeatureInput = 'points' | 'histograms' | 'logs' | 'spans' | 'edges';

export type Aggregate =
  | { readonly kind: WindowAggregate }
  /** Per second. */
  | { readonly kind: 'rate' }
  | { readonly kind: 'quantile'; readonly q: number }
  /** Share of the items that failed, 0 to 1. */
  | { readonly kind: 'error-ratio' }
  /** Mean of a duration. */
  | { readonly kind: 'mean-duration'; readonly of: 'self' | 'server' | 'client-minus-server' }
  /** Exponentially weighted, at the lag (in windows) where it is strongest. */
  | { readonly kind: 'correlation' };

export interface FeatureSpec {
  /** Unique in the catalogue. */
  readonly name: string;
  readonly input: FeatureInput;
  /** What one value is of. */
  readonly key: readonly ('series' | 'service' | 'operation' | 'template' | 'severity' | 'caller' | 'callee')[];
  /** A window, or each sample as it comes. */
  readonly window: WindowName | 'sample';
  readonly aggregate: Aggregate;
  /** UCUM; `{unit}` is the unit of the input. */
  readonly unit: string;
  /** Name of the computed series it becomes; `{metric}` is the name of the input. Absent: not a series of its own. */
  readonly metric?: string;
  readonly doc: string;
}

/** What `features/percentile` makes of each histogram series, in this order. */
export const HISTOGRAM_FEATURES = [
  {
    name: 'histogram.rate',
    input: 'histograms',
    key: ['series'],
    window: 'sample',
    aggregate: { kind: 'rate' },
    unit: '1/s',
    metric: '{metric}.rate',
    doc: 'Observations a second between two samples of a histogram.',
  },
  {
    name: 'histogram.p50',
    input: 'histograms',
    key: ['series'],
    window: 'sample',
    aggregate: { kind: 'quantile', q: 0.5 },
    unit: '{unit}',
    metric: '{metric}.p50',
    doc: 'Median of the observations between two samples of a histogram.',
  },
  {
    name: 'histogram.p99',
    input: 'histograms',
    key: ['series'],
    window: 'sample',
    aggregate: { kind: 'quantile', q: 0.99 },
    unit: '{unit}',
    metric: '{metric}.p99',
    doc: '99th percentile of the observations between two samples of a histogram.',
  },
  {
    name: 'histogram.mean',
    input: 'histograms',
    key: ['series'],
    window: 'sample',
    aggregate: { kind: 'mean' },
    unit: '{unit}',
    metric: '{metric}.mean',
    doc: 'Mean of the observations between two samples of a histogram, where the sender gives a sum.',
  },
] as const satisfies readonly FeatureSpec[];

const WINDOW_DOC: Readonly<Record<WindowAggregate, string>> = {
  count: 'Samples of a series',
  mean: 'Mean of a series',
  variance: 'Population variance of a series',
  min: 'Smallest value of a series',
  max: 'Largest value of a series',
  last: 'Newest value of a series',
};

/** Windows of a service's metrics over all their series, longest last: `features/service-window`, and Flink SQL scaled out. */
export const SERVICE_WINDOWS: readonly { readonly name: WindowName; readonly ms: number }[] = WINDOW_SPECS.filter(
  ({ name }) => name !== '10s',
);

const SERVICE_AGGREGATES: readonly { readonly name: string; readonly aggregate: Aggregate; readonly doc: string }[] = [
  { name: 'count', aggregate: { kind: 'count' }, doc: 'Samples of all series of a metric of a service' },
  { name: 'mean', aggregate: { kind: 'mean' }, doc: 'Mean over all series of a metric of a service' },
  {
    name: 'variance',
    aggregate: { kind: 'variance' },
    doc: 'Population variance over all series of a metric of a service',
  },
  { name: 'min', aggregate: { kind: 'min' }, doc: 'Smallest value of all series of a metric of a service' },
  { name: 'max', aggregate: { kind: 'max' }, doc: 'Largest value of all series of a metric of a service' },
  { name: 'p50', aggregate: { kind: 'quantile', q: 0.5 }, doc: 'Median over the series of a metric of a service' },
  {
    name: 'p99',
    aggregate: { kind: 'quantile', q: 0.99 },
    doc: '99th percentile over the series of a metric of a service',
  },
  {
    name: 'rate',
    aggregate: { kind: 'rate' },
    doc: 'Change of the mean of a metric of a service, a second, against the window before',
  },
];

/** Every service window with every aggregate. */
export const SERVICE_FEATURES: readonly FeatureSpec[] = SERVICE_WINDOWS.flatMap((window) =>
  SERVICE_AGGREGATES.map(
    ({ name, aggregate, doc }): FeatureSpec => ({
      name: `service.${window.name}.${name}`,
      input: 'points',
      key: ['service'],
      window: window.name,
      aggregate,
      unit: name === 'count' ? '1' : name === 'variance' ? '({unit})2' : name === 'rate' ? '{unit}/s' : '{unit}',
      doc: `${doc}, in the window.`,
    }),
  ),
);

/** Every window with every aggregate. */
export const WINDOW_FEATURES: readonly FeatureSpec[] = WINDOW_SPECS.flatMap((window) =>
  WINDOW_AGGREGATES.map(
    (kind): FeatureSpec => ({
      name: `window.${window.name}.${kind}`,
      input: 'points',
      key: ['series'],
      window: window.name,
      aggregate: { kind },
      unit: kind === 'count' ? '1' : kind === 'variance' ? '({unit})2' : '{unit}',
      doc: `${WINDOW_DOC[kind]} in the window.`,
    }),
  ),
);

export const RATE_FEATURE = {
  name: 'rate',
  input: 'points',
  key: ['series'],
  window: 'sample',
  aggregate: { kind: 'rate' },
  unit: '{unit}/s',
  doc: 'Rise of a counter a second, restarts taken into account; takes the place of the running total.',
} as const satisfies FeatureSpec;

export const CORRELATION_FEATURE = {
  name: 'cross-service.correlation',
  input: 'edges',
  key: ['caller', 'callee'],
  window: '10s',
  aggregate: { kind: 'correlation' },
  unit: '1',
  doc: 'Correlation of the surprise of two services that call each other, callee leading by 0 to 3 windows.',
} as const satisfies FeatureSpec;

/** What each operation of a service becomes, a series each: rate, errors, duration. */
export const SPAN_FEATURES = {
  rate: {
    name: 'span.rate',
    input: 'spans',
    key: ['service', 'operation'],
    window: '10s',
    aggregate: { kind: 'rate' },
    unit: '1/s',
    metric: 'span.rate',
    doc: 'Spans a second of an operation.',
  },
  errorRatio: {
    name: 'span.error_ratio',
    input: 'spans',
    key: ['service', 'operation'],
    window: '10s',
    aggregate: { kind: 'error-ratio' },
    unit: '1',
    metric: 'span.error_ratio',
    doc: 'Share of the spans of an operation that failed.',
  },
  p50: {
    name: 'span.p50',
    input: 'spans',
    key: ['service', 'operation'],
    window: '10s',
    aggregate: { kind: 'quantile', q: 0.5 },
    unit: 'ms',
    metric: 'span.p50',
    doc: 'Median duration of an operation.',
  },
  p99: {
    name: 'span.p99',
    input: 'spans',
    key: ['service', 'operation'],
    window: '10s',
    aggregate: { kind: 'quantile', q: 0.99 },
    unit: 'ms',
    metric: 'span.p99',
    doc: '99th percentile of the duration of an operation.',
  },
} as const satisfies Record<string, FeatureSpec>;

/** What each call edge becomes: series of the callee, labelled with the caller. */
export const EDGE_FEATURES = {
  serverTime: {
    name: 'edge.server_time',
    input: 'edges',
    key: ['caller', 'callee'],
    window: '10s',
    aggregate: { kind: 'mean-duration', of: 'server' },
    unit: 'ms',
    metric: 'edge.server_time',
    doc: 'Mean time the callee took for calls of one caller.',
  },
  gap: {
    name: 'edge.gap',
    input: 'edges',
    key: ['caller', 'callee'],
    window: '10s',
    aggregate: { kind: 'mean-duration', of: 'client-minus-server' },
    unit: 'ms',
    metric: 'edge.gap',
    doc: 'Mean of client span minus server span: network and waiting to be served, charged to the callee.',
  },
} as const satisfies Record<string, FeatureSpec>;

/** What the log of a service becomes. */
export const LOG_FEATURES = {
  rate: {
    name: 'log.rate',
    input: 'logs',
    key: ['service'],
    window: '10s',
    aggregate: { kind: 'rate' },
    unit: '1/s',
    metric: 'log.rate',
    doc: 'Lines a second of a service.',
  },
  errorRate: {
    name: 'log.error_rate',
    input: 'logs',
    key: ['service', 'severity'],
    window: '10s',
    aggregate: { kind: 'rate' },
    unit: '1/s',
    metric: 'log.error_rate',
    doc: 'Lines a second of a service at severity ERROR or worse.',
  },
} as const satisfies Record<string, FeatureSpec>;

export const FEATURES: readonly FeatureSpec[] = [
  ...WINDOW_FEATURES,
  ...SERVICE_FEATURES,
  RATE_FEATURE,
  ...HISTOGRAM_FEATURES,
  ...Object.values(SPAN_FEATURES),
  ...Object.values(EDGE_FEATURES),
  ...Object.values(LOG_FEATURES),
  CORRELATION_FEATURE,
];

/** Name of the computed series that a feature makes of a metric. */
export function derivedMetric(template: string, metric: string): string {
  return template.replace('{metric}', metric);
}
