import { context, SeverityNumber, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPLogExporter as LogGrpc } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPLogExporter as LogJson } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as LogProto } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter as MetricGrpc } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as MetricJson } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as MetricProto } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as TraceGrpc } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as TraceJson } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as TraceProto } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SERIES_KIND } from '../../domain/signal/series.ts';
import { createIngestServers } from '../servers.ts';
import type { IngestServers } from './servers.ts';
import { DecodingIntake } from './testing/decoding-intake.ts';

let intake: DecodingIntake;
let servers: IngestServers;
let http = '';
let grpc = '';

beforeEach(async () => {
  intake = new DecodingIntake();
  servers = createIngestServers({
    intake,
    http: { host: '127.0.0.1', port: 0 },
    grpc: { host: '127.0.0.1', port: 0 },
  });
  const { httpAddress, grpcAddress } = await servers.start();
  http = `http://127.0.0.1:${httpAddress!.port}`;
  grpc = `http://127.0.0.1:${grpcAddress!.port}`;
});
afterEach(() => servers.stop());

const resource = resourceFromAttributes({
  'service.name': 'cart',
  'service.namespace': 'shop',
  'service.instance.id': 'cart-1',
  'deployment.environment.name': 'test',
});

const COMPRESSION = ['none', 'gzip'] as const;
type Compression = (typeof COMPRESSION)[number];
/** The enum lives in a package that only the exporters depend on. */
const compressionOf = (compression: Compression) => ({ compression: compression as never });

const transports = {
  gRPC: {
    metrics: (c: Compression) => new MetricGrpc({ url: grpc, ...compressionOf(c) }),
    logs: (c: Compression) => new LogGrpc({ url: grpc, ...compressionOf(c) }),
    traces: (c: Compression) => new TraceGrpc({ url: grpc, ...compressionOf(c) }),
  },
  'HTTP/protobuf': {
    metrics: (c: Compression) => new MetricProto({ url: `${http}/v1/metrics`, ...compressionOf(c) }),
    logs: (c: Compression) => new LogProto({ url: `${http}/v1/logs`, ...compressionOf(c) }),
    traces: (c: Compression) => new TraceProto({ url: `${http}/v1/traces`, ...compressionOf(c) }),
  },
  'HTTP/JSON': {
    metrics: (c: Compression) => new MetricJson({ url: `${http}/v1/metrics`, ...compressionOf(c) }),
    logs: (c: Compression) => new LogJson({ url: `${http}/v1/logs`, ...compressionOf(c) }),
    traces: (c: Compression) => new TraceJson({ url: `${http}/v1/traces`, ...compressionOf(c) }),
  },
} as const;

for (const [name, exporters] of Object.entries(transports)) {
  for (const compression of COMPRESSION) {
    describe(`OpenTelemetry JS SDK over ${name}, compression ${compression}`, () => {
      it('metrics', async () => {
        const reader = new PeriodicExportingMetricReader({
          exporter: exporters.metrics(compression),
          exportIntervalMillis: 600_000,
        });
        const views = [
          { instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM as const } },
        ];
        const provider = new MeterProvider({ resource, readers: [reader], views });
        const meter = provider.getMeter('test');
        meter.createCounter('requests', { unit: '{request}' }).add(7, { route: '/cart' });
        meter.createUpDownCounter('queue').add(-3);
        meter.createObservableGauge('temperature').addCallback((result) => result.observe(21.5, { room: 'a' }));
        const explicit = meter.createHistogram('explicit', {
          unit: 'ms',
          advice: { explicitBucketBoundaries: [10, 100] },
        });
        const exponential = meter.createHistogram('exponential');
        for (const value of [5, 50, 500]) {
          explicit.record(value);
          exponential.record(value);
        }
        const before = Date.now();
        await provider.forceFlush();
        await provider.shutdown();

        const point = (metric: string) => intake.points_.find(({ info }) => info.metric === metric)!;
        expect(point('requests')).toMatchObject({
          value: 7,
          info: {
            service: 'shop/cart',
            instance: 'cart-1',
            unit: '{request}',
            kind: SERIES_KIND.counter,
            labels: { route: '/cart', 'deployment.environment.name': 'test' },
          },
        });
        expect(Math.abs(point('requests').time - before)).toBeLessThan(60_000);
        expect(point('queue')).toMatchObject({ value: -3, info: { kind: SERIES_KIND.upDown } });
        expect(point('temperature')).toMatchObject({
          value: 21.5,
          info: { kind: SERIES_KIND.gauge, labels: { room: 'a' } },
        });
        const histogram = (metric: string) => intake.histograms_.find(({ info }) => info.metric === metric)!;
        expect(histogram('explicit')).toMatchObject({ total: 3, sum: 555, counts: [1, 1, 1], info: { unit: 'ms' } });
        expect(histogram('exponential')).toMatchObject({ total: 3, sum: 555, counts: [1, 1, 1] });
        expect(intake.rejected).toBe(0);
      });

      it('logs', async () => {
        const provider = new LoggerProvider({
          resource,
          processors: [new BatchLogRecordProcessor({ exporter: exporters.logs(compression) })],
        });
        const logger = provider.getLogger('test');
        logger.emit({ body: 'checkout failed: größe 12', severityNumber: SeverityNumber.ERROR });
        for (let i = 0; i < 100; i++) logger.emit({ body: `line ${i}`, severityNumber: SeverityNumber.INFO });
        await provider.forceFlush();
        await provider.shutdown();
        expect(intake.logs_).toHaveLength(101);
        expect(intake.logs_[0]).toMatchObject({
          service: 'shop/cart',
          body: 'checkout failed: größe 12',
          severity: 17,
        });
        expect(intake.logs_[100]).toMatchObject({ body: 'line 99', severity: 9 });
      });

      it('traces', async () => {
        const provider = new TracerProvider({
          resource,
          spanProcessors: [new BatchSpanProcessor({ exporter: exporters.traces(compression) })],
        });
        const tracer = provider.getTracer('test');
        const start = Date.now();
        const parent = tracer.startSpan('GET /cart', { kind: SpanKind.SERVER, startTime: start });
        const inside = trace.setSpan(context.active(), parent);
        const child = tracer.startSpan('SELECT', { kind: SpanKind.CLIENT, startTime: start + 1 }, inside);
        child.setStatus({ code: SpanStatusCode.ERROR });
        child.end(start + 11);
        parent.end(start + 25);
        await provider.forceFlush();
        await provider.shutdown();
        const [select, get] = intake.spans_;
        expect(get).toMatchObject({
          service: 'shop/cart',
          name: 'GET /cart',
          kind: 2,
          error: 0,
          parentId: '0000000000000000',
        });
        expect(select).toMatchObject({ name: 'SELECT', kind: 3, error: 1, parentId: get!.spanId });
        expect(get!.spanId).toBe(parent.spanContext().spanId);
        expect([select!.ms, get!.ms].map(Math.round)).toEqual([10, 25]);
      });
    });
  }
}
