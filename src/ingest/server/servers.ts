import type { Server } from 'node:net';
import type { IngestCounters } from './counters.ts';
import { createGrpcServer } from './grpc/grpc-server.ts';
import { createHttpServer } from './http/http-server.ts';
import type { IngestServerOptions, ListenAddress } from './options.ts';
import { Receiver } from './receiver.ts';

export interface IngestServers {
  /** Resolves when both listen. @throws the listener's error (`EADDRINUSE`, ...), with nothing left listening. */
  start(): Promise<{ readonly httpAddress: ListenAddress | null; readonly grpcAddress: ListenAddress | null }>;
  /**
   * Stops listening, refuses what is new on open connections (503 or UNAVAILABLE, with a delay to retry after), lets what
   * is in flight finish within `timeouts.drainMs`, then closes every connection.
   */
  stop(): Promise<void>;
  readonly counters: IngestCounters;
}

/** The ingest listeners of one shard thread: OTLP/HTTP with remote write, and OTLP/gRPC. */
export function createServers(options: IngestServerOptions): IngestServers {
  const receiver = new Receiver(options);
  const http = options.http === null ? null : createHttpServer(receiver, options);
  const grpc = options.grpc === null ? null : createGrpcServer(receiver);
  let stopping: Promise<void> | undefined;

  async function stop(): Promise<void> {
    receiver.admission.draining = true;
    const closed = [http, grpc?.server].filter((server) => server?.listening).map((server) => closeOf(server!));
    grpc?.goAway();
    const timer = Promise.withResolvers<void>();
    const timeout = setTimeout(timer.resolve, receiver.timeouts.drainMs);
    await Promise.race([receiver.admission.whenIdle(), timer.promise]);
    clearTimeout(timeout);
    // Answers just given are still in the sockets' queues: let them out before the connections go.
    await Promise.race([Promise.all(closed), new Promise((resolve) => setTimeout(resolve, FLUSH_MS))]);
    http?.closeAllConnections();
    grpc?.destroy();
    await Promise.all(closed);
  }

  return {
    counters: receiver.counters,
    async start() {
      try {
        const httpAddress = http === null ? null : await listen(http, options.http!, options.reusePort ?? false);
        const grpcAddress = grpc === null ? null : await listen(grpc.server, options.grpc!, options.reusePort ?? false);
        return { httpAddress, grpcAddress };
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

const FLUSH_MS = 250;

function listen(server: Server, address: ListenAddress, reusePort: boolean): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address.host, port: address.port, reusePort, backlog: 1024 }, () => {
      server.off('error', reject);
      const bound = server.address();
      if (bound === null || typeof bound === 'string') reject(new Error('the listener has no port'));
      else resolve({ host: address.host, port: bound.port });
    });
  });
}

function closeOf(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
