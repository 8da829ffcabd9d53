import { TocsinError } from '../domain/error.ts';

const MEANING: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program',
  EACCES: 'needs more rights than this user has',
  EADDRNOTAVAIL: 'is no address of this machine',
  ENOTFOUND: 'is no known host name',
};

/** A listener's error in words for a person; what is none of these comes back as it is. */
export function listenFault(
  error: unknown,
  key: string,
  address: { readonly host: string; readonly port: number } | null,
): unknown {
  const meaning = MEANING[(error as { code?: string }).code ?? ''];
  if (meaning === undefined || address === null) return error;
  return new TocsinError('unavailable', `${key} ${address.host}:${address.port} ${meaning}`, { cause: error });
}
