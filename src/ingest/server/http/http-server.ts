import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { TocsinError } from '../../../domain/error.ts';
import type { IntakeResult, PayloadFormat } from '../../../domain/ports.ts';
import type { Ticket } from '../admission.ts';
import { Body } from '../body.ts';
import { countRequest } from '../counters.ts';
import type { Coding, IngestServerOptions } from '../options.ts';
import type { Receiver } from '../receiver.ts';
import { errorAnswer, type HttpAnswer, resultAnswer, styleOf, write, writtenHeaders } from './http-answer.ts';
import { announcedLength, codingOf, formatOf, type HttpRoute, routeOf } from './http-request.ts';

/** A refused body up to this size is read to its end and the connection kept. */
const KEEP_UP_TO = 256 << 10;
/** Otherwise the sender gets this long to read the refusal before the connection is cut. */
const LINGER_MS = 1_000;

/**
 * OTLP/HTTP and remote write on bare node:http (`reference/ecosystem.md` 3: frameworks cost half the throughput).
 * Specification: https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export function createHttpServer(receiver: Receiver, options: IngestServerOptions): Server {
  const { limits, timeouts, counters } = receiver;
  const origins = options.corsOrigins ?? [];
  const server = createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: timeouts.idleMs,
      connectionsCheckingInterval: timeouts.checkMs,
      maxHeaderSize: 32 << 10,
      highWaterMark: 256 << 10,
      noDelay: true,
    },
    (request, response) => new HttpExchange(receiver, origins, request, response).start(false),
  );
  server.maxConnections = limits.maxConnections;
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    new HttpExchange(receiver, origins, request, response).start(true);
  });
  server.on('connection', (socket) => {
    counters.connections++;
    socket.once('close', () => counters.connections--);
  });
  return server;
}

/** One request and its answer. */
class HttpExchange {
  readonly #receiver: Receiver;
  readonly #origins: readonly string[];
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #started = performance.now();
  readonly #route: HttpRoute | undefined;
  #format: PayloadFormat = 'otlp-protobuf';
  #coding: Coding = 'identity';
  #tenant = '';
  #ticket: Ticket | undefined;
  #body: Body | undefined;
  #answered = false;

  constructor(receiver: Receiver, origins: readonly string[], request: IncomingMessage, response: ServerResponse) {
    this.#receiver = receiver;
    this.#origins = origins;
    this.#request = request;
    this.#response = response;
    this.#route = routeOf(request.url ?? '');
  }

  /** @param expectsContinue the sender waits for 100 before it sends the body. */
  start(expectsContinue: boolean): void {
    try {
      if (this.#answerWithoutBody()) return;
      this.#admit();
    } catch (thrown) {
      this.#fail(thrown, expectsContinue ? 'held' : 'coming');
      return;
    }
    if (expectsContinue) this.#response.writeContinue();
    this.#read();
  }

  /** Everything that the head alone decides. */
  #answerWithoutBody(): boolean {
    const { method, headers } = this.#request;
    const origin = headers.origin;
    if (origin !== undefined && (this.#origins.includes('*') || this.#origins.includes(origin))) {
      this.#response.setHeader('Access-Control-Allow-Origin', origin);
      this.#response.setHeader('Vary', 'Origin');
      if (method === 'OPTIONS' && this.#route !== undefined) {
        this.#preflight();
        return true;
      }
    }
    if (this.#route === undefined) throw new TocsinError('not_found', 'nothing is taken at this path');
    if (method !== 'POST') throw new TocsinError('method_not_allowed', `this path takes POST, not ${method}`);
    return false;
  }

  #preflight(): void {
    const wanted = this.#request.headers['access-control-request-headers'] ?? 'content-type';
    const headers = [
      ['Access-Control-Allow-Methods', 'POST'],
      ['Access-Control-Allow-Headers', wanted],
      ['Access-Control-Max-Age', '7200'],
    ] as const;
    this.#answer({ status: 204, headers, body: Buffer.alloc(0) }, 'keep');
  }

  #admit(): void {
    const { headers } = this.#request;
    const route = this.#route!;
    this.#tenant = this.#receiver.access.tenantOf(headers);
    this.#format = formatOf(route, headers);
    this.#coding = codingOf(route, headers);
    const announced = announcedLength(headers);
    if (announced === 'missing') throw new LengthRequired();
    this.#receiver.checkSize(announced ?? 0);
    this.#ticket = this.#receiver.admission.enter(announced ?? 0);
    this.#body = new Body(this.#receiver.pool, announced ?? 0);
  }

  #read(): void {
    const request = this.#request;
    const body = this.#body!;
    const ticket = this.#ticket!;
    request.on('data', (chunk: Buffer) => {
      if (this.#answered) return;
      try {
        this.#receiver.checkSize(body.length + chunk.length);
        ticket.cover(body.length + chunk.length);
        body.append(chunk);
      } catch (thrown) {
        this.#fail(thrown, 'coming');
        this.#free();
      }
    });
    request.once('end', () => {
      if (!this.#answered) this.#process(body, ticket);
    });
    request.once('close', () => {
      if (request.complete || this.#answered) return;
      this.#answered = true;
      this.#receiver.counters.aborted++;
      this.#free();
    });
    request.on('error', () => {}); // 'close' follows
  }

  #process(body: Body, ticket: Ticket): void {
    let result: Promise<IntakeResult> | IntakeResult;
    try {
      result = this.#receiver.process(this.#route!.signal, this.#format, this.#coding, body, ticket, this.#tenant);
    } catch (thrown) {
      this.#fail(thrown, 'read');
      this.#free();
      return;
    }
    if (!(result instanceof Promise)) {
      this.#succeed(result);
      return;
    }
    result.then(
      (settled) => this.#succeed(settled),
      (thrown: unknown) => {
        this.#fail(thrown, 'read');
        this.#free();
      },
    );
  }

  #succeed(result: IntakeResult): void {
    this.#answer(resultAnswer(this.#route!, this.#format, result), 'keep');
    this.#free();
  }

  /** @param body what became of it: read whole, still coming, or held back by a sender that waits for 100. */
  #fail(thrown: unknown, body: 'read' | 'coming' | 'held'): void {
    const error = this.#receiver.errorOf(thrown);
    const style = styleOf(this.#route, this.#request.headers['content-type']);
    const extra: (readonly [string, string])[] = error.code === 'method_not_allowed' ? [['Allow', 'POST']] : [];
    if (this.#format === 'remote-write-2') extra.push(...writtenHeaders(undefined));
    const status = thrown instanceof LengthRequired ? 411 : undefined;
    const announced = announcedLength(this.#request.headers);
    const short = announced === 'missing' || (announced !== null && announced <= KEEP_UP_TO);
    // Nobody can tell whether a sender that waited for 100 sends its body now: such a connection cannot be used again.
    const after = body === 'held' ? 'close' : body === 'read' || short ? 'keep' : 'linger';
    this.#answer(errorAnswer(error, style, extra, status), after);
  }

  /** @param after `keep`: the connection may carry another request. */
  #answer(answer: HttpAnswer, after: 'keep' | 'close' | 'linger'): void {
    if (this.#answered) return;
    this.#answered = true;
    const { counters, admission } = this.#receiver;
    const protocol = this.#route?.kind === 'remote-write' ? 'remote-write' : 'http';
    const seconds = (performance.now() - this.#started) / 1000;
    countRequest(counters, protocol, this.#route?.signal ?? 'none', answer.status, seconds);
    if (this.#response.destroyed) {
      counters.aborted++;
      return;
    }
    const head = this.#request.method === 'HEAD';
    write(this.#response, answer, head, after !== 'keep' || admission.draining, after === 'linger');
    if (after === 'linger') this.#linger();
  }

  /**
   * Closing a socket with unread bytes resets it, and the reset may overtake the refusal. So the refusal is sent whole
   * but the response left open while what still arrives is thrown away, until the sender hangs up or time is out.
   */
  #linger(): void {
    const finish = () => {
      clearTimeout(timer);
      this.#response.end();
    };
    const timer = setTimeout(finish, LINGER_MS);
    timer.unref();
    this.#request.once('end', finish);
    this.#response.once('close', () => clearTimeout(timer));
    this.#request.resume();
  }

  #free(): void {
    this.#body?.recycle();
    this.#body = undefined;
    this.#ticket?.release();
    this.#ticket = undefined;
  }
}

class LengthRequired extends TocsinError {
  constructor() {
    super('invalid_request', 'the request needs a Content-Length or a chunked body');
  }
}
