import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { TocsinError } from '../../../domain/error.ts';
import type { IntakeResult, Signal } from '../../../domain/ports.ts';
import type { Ticket } from '../admission.ts';
import { countRequest } from '../counters.ts';
import type { Coding } from '../options.ts';
import { responseProto } from '../otlp-reply.ts';
import type { Receiver } from '../receiver.ts';
import {
  ACCEPT_ENCODING,
  checkHealth,
  codingOf,
  frame,
  GRPC,
  GrpcError,
  type GrpcMethod,
  methodOf,
  statusOf,
  timeoutOf,
  trailersOf,
  UnaryMessage,
} from './grpc-protocol.ts';

/** With the default of 64 KB a sender 50 ms away gets 1 MB/s; with these 80 (`reference/ecosystem.md` 3). */
const STREAM_WINDOW = 4 << 20;
const SESSION_WINDOW = 32 << 20;
const STREAMS_PER_SESSION = 256;
const REPLY_HEADERS: OutgoingHttpHeaders = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': ACCEPT_ENCODING,
};

export interface GrpcServer {
  readonly server: Http2Server;
  /** Sends GOAWAY on every session: calls in flight go on, new ones go elsewhere. */
  goAway(): void;
  /** Cuts what is left. */
  destroy(): void;
}

/**
 * OTLP/gRPC over cleartext HTTP/2, written by hand: unary calls only, which is all that OTLP has.
 * Wire format: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function createGrpcServer(receiver: Receiver): GrpcServer {
  const { counters, limits, timeouts } = receiver;
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({
    settings: { initialWindowSize: STREAM_WINDOW, maxConcurrentStreams: STREAMS_PER_SESSION, enablePush: false },
    maxSessionMemory: 128,
  });
  server.maxConnections = limits.maxConnections;
  server.on('session', (session) => {
    session.setLocalWindowSize(SESSION_WINDOW);
    sessions.add(session);
    counters.connections++;
    session.setTimeout(Math.max(timeouts.idleMs, timeouts.requestMs), () => session.close());
    session.on('error', () => {}); // a broken peer; 'close' follows
    session.once('close', () => {
      sessions.delete(session);
      counters.connections--;
    });
  });
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => new GrpcCall(receiver, stream, headers).start());
  return {
    server,
    goAway: () => {
      for (const session of sessions) session.close();
    },
    destroy: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

/** One call and its answer. */
class GrpcCall {
  readonly #receiver: Receiver;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #started = performance.now();
  readonly #message: UnaryMessage;
  #method: GrpcMethod | undefined;
  #coding: Coding = 'identity';
  #tenant = '';
  #ticket: Ticket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #answered = false;
  #processing = false;

  constructor(receiver: Receiver, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#receiver = receiver;
    this.#stream = stream;
    this.#headers = headers;
    this.#message = new UnaryMessage(receiver.pool);
  }

  start(): void {
    const stream = this.#stream;
    stream.on('error', () => {}); // reset by the peer; 'close' follows
    stream.once('close', () => this.#closed());
    if (this.#answerPlainHttp()) return;
    try {
      this.#admit();
    } catch (thrown) {
      this.#fail(thrown);
      return;
    }
    stream.on('data', (chunk: Buffer) => this.#append(chunk));
    stream.once('end', () => this.#ended());
  }

  /** What is not gRPC at all is answered in HTTP (PROTOCOL-HTTP2, "Requests"). */
  #answerPlainHttp(): boolean {
    const isPost = this.#headers[':method'] === 'POST';
    const isGrpc = /^application\/grpc(\+proto)?(;|$)/.test(this.#headers['content-type'] ?? '');
    if (isPost && isGrpc) return false;
    this.#answered = true;
    countRequest(this.#receiver.counters, 'grpc', 'none', GRPC.internal, 0);
    this.#stream.respond(isPost ? { ':status': 415 } : { ':status': 405, allow: 'POST' }, { endStream: true });
    this.#stream.resume();
    return true;
  }

  #admit(): void {
    const headers = this.#headers;
    const path = headers[':path'] ?? '';
    const method = methodOf(path);
    if (method === undefined) throw new GrpcError(GRPC.unimplemented, `unknown method ${path}`);
    this.#method = method;
    const timeout = timeoutOf(headers);
    const wait = Math.min(timeout ?? Number.POSITIVE_INFINITY, this.#receiver.timeouts.requestMs);
    if (method.kind === 'export') {
      this.#tenant = this.#receiver.access.tenantOf(headers);
      this.#coding = codingOf(headers);
      this.#ticket = this.#receiver.admission.enter(0);
    }
    this.#timer = setTimeout(() => this.#expire(timeout), wait);
  }

  /** The caller's deadline runs to the answer; ours only until the message is there. */
  #expire(timeout: number | null): void {
    if (timeout === null && this.#processing) return;
    this.#fail(new GrpcError(GRPC.deadlineExceeded, 'the deadline passed before the call was done'));
  }

  #append(chunk: Buffer): void {
    if (this.#answered) return;
    try {
      this.#message.append(chunk, (bytes) => {
        this.#receiver.checkSize(bytes);
        this.#ticket?.cover(bytes);
      });
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #ended(): void {
    // A reset ends the stream too; 'close' follows and accounts for it.
    if (this.#answered || this.#stream.closed) return;
    try {
      if (this.#message.declared < 0) throw new GrpcError(GRPC.unimplemented, 'a unary call takes one message');
      if (!this.#message.complete) throw new TocsinError('bad_payload', 'the message is cut');
      if (this.#message.compressed && this.#coding === 'identity') {
        throw new GrpcError(GRPC.internal, 'the message is compressed but grpc-encoding says how not');
      }
      if (this.#method!.kind === 'health') {
        this.#respond(checkHealth(this.#message.body!.bytes(), this.#receiver.admission.draining));
        return;
      }
      this.#process(this.#method!.signal);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #process(signal: Signal): void {
    const { body, compressed } = this.#message;
    const coding = compressed ? this.#coding : 'identity';
    this.#processing = true;
    let result: Promise<IntakeResult> | IntakeResult;
    try {
      result = this.#receiver.process(signal, 'otlp-protobuf', coding, body!, this.#ticket!, this.#tenant);
    } catch (thrown) {
      this.#processing = false;
      throw thrown;
    }
    if (!(result instanceof Promise)) {
      this.#processing = false;
      this.#respond(responseProto(result));
      return;
    }
    result.then(
      (settled) => {
        this.#processing = false;
        this.#respond(responseProto(settled));
        this.#free();
      },
      (thrown: unknown) => {
        this.#processing = false;
        this.#fail(thrown);
        this.#free();
      },
    );
  }

  #respond(message: Uint8Array): void {
    if (!this.#answer(GRPC.ok)) return;
    const stream = this.#stream;
    stream.respond(REPLY_HEADERS, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(message));
    this.#free();
  }

  /** Trailers-only answer; a body still on its way is refused with RST_STREAM(NO_ERROR), as HTTP/2 8.1 asks. */
  #fail(thrown: unknown): void {
    const error = this.#receiver.errorOf(thrown);
    if (!this.#answer(statusOf(error))) return;
    const stream = this.#stream;
    const unread = !stream.readableEnded && !stream.endAfterHeaders;
    stream.respond({ ...REPLY_HEADERS, ...trailersOf(error) }, { endStream: true });
    if (unread) {
      stream.resume();
      stream.close(constants.NGHTTP2_NO_ERROR);
    }
    this.#free();
  }

  /** @returns false when there is nobody left to answer, or an answer was given. */
  #answer(status: number): boolean {
    if (this.#answered) return false;
    this.#answered = true;
    clearTimeout(this.#timer);
    const { counters } = this.#receiver;
    const signal = this.#method?.kind === 'export' ? this.#method.signal : 'none';
    countRequest(counters, 'grpc', signal, status, (performance.now() - this.#started) / 1000);
    if (!this.#stream.destroyed && !this.#stream.closed) return true;
    counters.aborted++;
    this.#free();
    return false;
  }

  #closed(): void {
    clearTimeout(this.#timer);
    if (!this.#answered && !this.#processing) {
      this.#answered = true;
      this.#receiver.counters.aborted++;
    }
    this.#free();
  }

  /** Not while the pipeline may still read the body. */
  #free(): void {
    if (this.#processing) return;
    this.#message.body?.recycle();
    this.#ticket?.release();
    this.#ticket = undefined;
  }
}
