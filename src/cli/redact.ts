const SECRET = /token|password|secret|webhook_url|^url$|api_key|routing_key/;

/** A copy of a configuration fit for a terminal: what may hold a secret is starred, unless empty. */
export function redact(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return SECRET.test(key) && value !== '' ? '***' : value;
  if (Array.isArray(value)) return value.map((item) => redact(item, key));
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redact(item, name)]));
  return value;
}
