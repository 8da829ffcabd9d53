import { createHash } from 'node:crypto';
import { TocsinError } from '../../domain/error.ts';
import { DEFAULT_TENANT } from '../../domain/units.ts';
import type { BearerToken } from './options.ts';

type HeaderBag = Readonly<Record<string, string | string[] | undefined>>;

/** Tenants become parts of ids and of file names: the alphabet that Mimir and Loki allow, without a leading dot. */
const TENANT = /^(?!\.)[A-Za-z0-9!_.*'()-]{1,128}$/;

/** Who sends, from request headers (HTTP and gRPC metadata alike). */
export class Access {
  readonly #tenantHeader: string | undefined;
  /** By hash: looking up a digest tells nothing about how much of a guessed token was right. */
  readonly #tokens: ReadonlyMap<string, BearerToken> | null;

  constructor(tenantHeader: string | undefined, tokens: readonly BearerToken[] = []) {
    this.#tenantHeader = tenantHeader?.toLowerCase();
    this.#tokens = tokens.length === 0 ? null : new Map(tokens.map((token) => [digest(token.token), token]));
  }

  /** @throws TocsinError `unauthenticated`, or `invalid_request` for a tenant name that cannot be. */
  tenantOf(headers: HeaderBag): string {
    const bound = this.#tokens === null ? undefined : this.#authenticate(headers).tenant;
    if (bound !== undefined) return bound;
    if (this.#tenantHeader === undefined) return DEFAULT_TENANT;
    const named = headers[this.#tenantHeader];
    if (named === undefined || named === '') return DEFAULT_TENANT;
    if (typeof named !== 'string' || !TENANT.test(named)) {
      throw new TocsinError('invalid_request', `header ${this.#tenantHeader} is not a tenant name`);
    }
    return named;
  }

  #authenticate(headers: HeaderBag): BearerToken {
    const header = headers['authorization'];
    const match = typeof header === 'string' ? /^bearer +([^ ]+) *$/i.exec(header) : null;
    const known = match === null ? undefined : this.#tokens!.get(digest(match[1]!));
    if (known === undefined) {
      throw new TocsinError(
        'unauthenticated',
        match === null ? 'a bearer token is required' : 'the bearer token is wrong',
      );
    }
    return known;
  }
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
