import { TocsinError } from '../../domain/error.ts';

const TIMEOUT_MS = 10_000;
const TYPE = 'application/vnd.schemaregistry.v1+json';

export interface SchemaRegistryOptions {
  /** With the path of the Confluent-compatible API, e.g. `http://registry:8080/apis/ccompat/v7`. */
  readonly url: string;
  /** `user:password` for basic authentication; empty for none. */
  readonly credentials?: string;
}

/**
 * The calls that we need of a Confluent-compatible schema registry (Confluent's, Apicurio's, Karapace's). Used when a process
 * starts and when a record brings an id that is not known yet; never per record.
 * @see https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 */
export class SchemaRegistry {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor({ url, credentials = '' }: SchemaRegistryOptions) {
    this.#url = url.replace(/\/+$/, '');
    this.#headers = {
      'content-type': TYPE,
      accept: `${TYPE}, application/json`,
      ...(credentials === '' ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
    };
  }

  /** Which changes of a subject's schema are allowed. */
  async setCompatibility(subject: string, level: 'BACKWARD_TRANSITIVE'): Promise<void> {
    await this.#call('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility: level });
  }

  /** True when `schema` may follow all versions of the subject; also when there are none. */
  async isCompatible(subject: string, schema: string): Promise<boolean> {
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest`;
    const answer = await this.#call('POST', path, { schemaType: 'PROTOBUF', schema }, [404]);
    return answer === null || (answer as { is_compatible?: boolean }).is_compatible === true;
  }

  /** Id of the schema, registered as a new version when the subject has not got it. */
  async register(subject: string, schema: string): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const answer = (await this.#call('POST', path, { schemaType: 'PROTOBUF', schema })) as { id: number };
    return answer.id;
  }

  /** Ids of all versions of a subject. */
  async ids(subject: string): Promise<readonly number[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const versions = ((await this.#call('GET', path, undefined, [404])) ?? []) as readonly number[];
    const found = await Promise.all(
      versions.map(async (version) => ((await this.#call('GET', `${path}/${version}`)) as { id: number }).id),
    );
    return found;
  }

  /** @param missing statuses that mean "there is none": null then. */
  async #call(method: string, path: string, body?: object, missing: readonly number[] = []): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(this.#url + path, {
        method,
        headers: this.#headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (cause) {
      throw new TocsinError('unavailable', `the schema registry does not answer at ${this.#url}`, {
        cause,
        retryAfterMs: 1_000,
      });
    }
    if (missing.includes(response.status)) return null;
    const text = await response.text();
    if (!response.ok)
      throw new TocsinError(
        'invalid_config',
        `schema registry: ${method} ${path}: ${response.status} ${text.slice(0, 300)}`,
      );
    return JSON.parse(text) as unknown;
  }
}
