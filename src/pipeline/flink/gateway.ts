import { setTimeout as sleep } from 'node:timers/promises';
import { TocsinError } from '../../domain/error.ts';

const POLL_MS = 200;
const DEADLINE_MS = 120_000;

/** A job as the JobManager lists it. */
export interface FlinkJob {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly startedAt: number;
}

/**
 * Flink through its SQL Gateway and the JobManager's REST interface. Sessions are opened for one submission and closed: a job
 * lives in the cluster, so that losing the gateway loses nothing.
 */
export class FlinkCluster {
  readonly #gateway: string;
  readonly #api: string;

  /** @param gateway URL of the SQL Gateway; @param api URL of the JobManager. */
  constructor(gateway: string, api: string) {
    this.#gateway = gateway.replace(/\/+$/, '');
    this.#api = api.replace(/\/+$/, '');
  }

  /**
   * Runs statements one after another in a session of their own. Returns the id of the job that the last one started, if any.
   * @param properties of the session, such as `execution.state-recovery.path`.
   * @throws TocsinError `invalid_request` with Flink's own words when a statement fails.
   */
  async run(statements: readonly string[], properties: Readonly<Record<string, string>> = {}): Promise<string | null> {
    const { sessionHandle } = (await this.#call(this.#gateway, 'POST', '/v3/sessions', { properties })) as {
      sessionHandle: string;
    };
    const session = `/v3/sessions/${sessionHandle}`;
    try {
      let job: string | null = null;
      for (const statement of statements) job = await this.#statement(session, statement);
      return job;
    } finally {
      await this.#call(this.#gateway, 'DELETE', session).catch(() => undefined);
    }
  }

  async #statement(session: string, statement: string): Promise<string | null> {
    const { operationHandle } = (await this.#call(this.#gateway, 'POST', `${session}/statements`, { statement })) as {
      operationHandle: string;
    };
    const operation = `${session}/operations/${operationHandle}`;
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const { status } = (await this.#call(this.#gateway, 'GET', `${operation}/status`)) as { status: string };
      if (status === 'FINISHED') break;
      if (status === 'ERROR') {
        // The reason is only told to whoever asks for the result.
        await this.#call(this.#gateway, 'GET', `${operation}/result/0?rowFormat=JSON`);
        throw new TocsinError('invalid_request', `Flink refused: ${firstLine(statement)}`);
      }
      if (Date.now() > deadline)
        throw new TocsinError('unavailable', `Flink takes too long over: ${firstLine(statement)}`);
      await sleep(POLL_MS);
    }
    const result = (await this.#call(this.#gateway, 'GET', `${operation}/result/0?rowFormat=JSON`)) as {
      jobID?: string;
    };
    return result.jobID ?? null;
  }

  async jobs(): Promise<readonly FlinkJob[]> {
    const { jobs } = (await this.#call(this.#api, 'GET', '/jobs/overview')) as {
      jobs: { jid: string; name: string; state: string; 'start-time': number }[];
    };
    return jobs.map((job) => ({ id: job.jid, name: job.name, state: job.state, startedAt: job['start-time'] }));
  }

  /** Ends a job with a savepoint; returns where that is. */
  async stop(job: string): Promise<string> {
    const answer = (await this.#call(this.#api, 'POST', `/jobs/${job}/stop`, { drain: false })) as Record<
      string,
      string
    >;
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const state = (await this.#call(this.#api, 'GET', `/jobs/${job}/savepoints/${answer['request-id']}`)) as {
        status: { id: string };
        operation?: { location?: string; 'failure-cause'?: { 'stack-trace'?: string } };
      };
      if (state.status.id === 'COMPLETED') {
        if (state.operation?.location !== undefined) return state.operation.location;
        throw new TocsinError(
          'unavailable',
          `no savepoint: ${firstLine(state.operation?.['failure-cause']?.['stack-trace'] ?? '')}`,
        );
      }
      if (Date.now() > deadline) throw new TocsinError('unavailable', 'the savepoint takes too long');
      await sleep(POLL_MS);
    }
  }

  /** Resolves with the last state once the job has ended. */
  async ended(job: string, patience: number = DEADLINE_MS): Promise<string> {
    const deadline = Date.now() + patience;
    for (;;) {
      const { state } = (await this.#call(this.#api, 'GET', `/jobs/${job}`)) as { state: string };
      if (['FINISHED', 'FAILED', 'CANCELED'].includes(state)) return state;
      if (Date.now() > deadline) throw new TocsinError('unavailable', `job ${job} is still ${state}`);
      await sleep(POLL_MS);
    }
  }

  async #call(base: string, method: string, path: string, body?: object): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(base + path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
    } catch (cause) {
      throw new TocsinError('unavailable', `Flink does not answer at ${base}`, { cause });
    }
    const answer = await response.text();
    if (!response.ok) throw new TocsinError('invalid_request', reason(answer));
    return answer === '' ? {} : (JSON.parse(answer) as unknown);
  }
}

/** Flink answers with stack traces: what it means are the lines that name a cause. */
function reason(answer: string): string {
  let lines = [answer];
  try {
    lines = ((JSON.parse(answer) as { errors?: string[] }).errors ?? [answer]).flatMap((error) => error.split('\n'));
  } catch {
    // Not JSON: as it is.
  }
  const causes = lines.filter((line) => /^(?:Caused by: )?[\w.$]+(?:Exception|Error)\b/.test(line.trim()));
  return `Flink: ${(causes.length > 0 ? causes.slice(-3) : lines.slice(0, 2))
    .map((line) => line.trim())
    .join(' <- ')
    .slice(0, 900)}`;
}

const firstLine = (statement: string): string => statement.split('\n')[0]!.slice(0, 120);
