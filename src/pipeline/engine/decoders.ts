import { TocsinError } from '../../domain/error.ts';
import type { IntakeResult, PayloadFormat, Signal, SignalSink } from '../../domain/ports.ts';
import { createOtlpDecoders } from '../../ingest/otlp/json.ts';
import { ResourceCache } from '../../ingest/otlp/resource.ts';
import { RemoteWriteDecoder } from '../../ingest/remote-write/remote-write.ts';
import type { ShardSeriesTable } from '../../ingest/series/series-table.ts';
import type { MetricInput } from './metric-input.ts';

export type Decode = (
  signal: Signal,
  format: PayloadFormat,
  body: Uint8Array,
  tenant: string,
  sink: SignalSink,
) => IntakeResult;

/** One way in for every signal and format of a shard. */
export function createDecode(table: ShardSeriesTable): Decode {
  const otlp = createOtlpDecoders(new ResourceCache(table));
  const remoteWrite = new RemoteWriteDecoder(table);
  return (signal, format, body, tenant, sink) => {
    switch (format) {
      case 'otlp-protobuf':
        return otlp.protobuf[signal].decode(body, tenant, sink);
      case 'otlp-json':
        return otlp.json[signal].decode(body, tenant, sink);
      case 'remote-write-1':
        return remoteWrite.decodeV1(body, tenant, sink);
      case 'remote-write-2':
        return remoteWrite.decodeV2(body, tenant, sink);
      default:
        throw new TocsinError('unsupported_media_type', `unknown payload format ${String(format)}`);
    }
  };
}

/**
 * Decodes a metrics body into `input` and numbers its series in `table`. `plain` says that samples are all it brought: no new
 * series or name, no end of one.
 * @throws TocsinError `bad_payload`: then nothing of the body was taken.
 */
export function readMetrics(
  table: ShardSeriesTable,
  decode: Decode,
  format: PayloadFormat,
  body: Uint8Array,
  tenant: string,
  input: MetricInput,
): { readonly result: IntakeResult; readonly plain: boolean } {
  input.begin();
  const { names } = table;
  const before = table.revision;
  names.onVersion = (service, version, at) => input.versions.push({ service, version, at });
  try {
    const result = decode('metrics', format, body, tenant, input);
    return { result, plain: table.revision === before && input.isPlain };
  } finally {
    names.onVersion = null;
  }
}
