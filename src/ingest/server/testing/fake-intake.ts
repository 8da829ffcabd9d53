import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { TocsinError } from '../../../domain/error.ts';
import type { IntakeResult, PayloadFormat, Signal, SignalIntake } from '../../../domain/ports.ts';
import type { IngestServerOptions } from '../options.ts';
import { createServers, type IngestServers } from '../servers.ts';

export interface Taken {
  readonly signal: Signal;
  readonly format: PayloadFormat;
  readonly body: Buffer;
  readonly tenant: string;
}

/** Remembers what it was handed and answers as told. */
export class FakeIntake implements SignalIntake {
  readonly taken: Taken[] = [];
  answer: () => Promise<IntakeResult> | IntakeResult = () => ({ accepted: 1, rejected: 0, message: '' });

  accept(
    signal: Signal,
    format: PayloadFormat,
    body: Uint8Array,
    tenant: string,
  ): Promise<IntakeResult> | IntakeResult {
    this.taken.push({ signal, format, body: Buffer.from(body), tenant });
    return this.answer();
  }
}

/** The real inflater lives in a sibling component; here only that it is called, with its cap, matters. */
function inflateForTests(coding: string, body: Uint8Array, maxOutputLength: number): Uint8Array {
  if (coding === 'identity' || coding === 'snappy') return body;
  try {
    if (coding === 'gzip') return gunzipSync(body, { maxOutputLength });
    if (coding === 'zstd') return zstdDecompressSync(body, { maxOutputLength });
    return inflateSync(body, { maxOutputLength });
  } catch (error) {
    const large = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw new TocsinError(large ? 'payload_too_large' : 'bad_payload', large ? 'too large' : 'not of that coding');
  }
}

export interface Running {
  readonly servers: IngestServers;
  readonly intake: FakeIntake;
  readonly httpPort: number;
  readonly grpcPort: number;
}

/** Both listeners on free loopback ports. */
export async function startForTests(options: Partial<IngestServerOptions> = {}): Promise<Running> {
  const intake = new FakeIntake();
  const servers = createServers({
    intake,
    inflate: inflateForTests,
    http: { host: '127.0.0.1', port: 0 },
    grpc: { host: '127.0.0.1', port: 0 },
    ...options,
  });
  const { httpAddress, grpcAddress } = await servers.start();
  return { servers, intake, httpPort: httpAddress?.port ?? 0, grpcPort: grpcAddress?.port ?? 0 };
}
