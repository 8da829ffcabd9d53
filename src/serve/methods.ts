import type { FastifyInstance } from 'fastify';

/** Learns which methods each path takes; call before routes are registered. Returns those of a concrete path, sorted. */
export function rememberMethods(app: FastifyInstance): (path: string) => readonly string[] {
  const known: { readonly segments: readonly string[]; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    // What is served below a wildcard is not known by its path alone.
    if (!url.includes('*')) known.push({ segments: url.split('/'), methods: [method].flat() });
  });
  return (path) => {
    const asked = path.split('/');
    const methods = known
      .filter(
        ({ segments }) =>
          segments.length === asked.length &&
          segments.every((segment, i) => segment === asked[i] || (segment.startsWith(':') && asked[i] !== '')),
      )
      .flatMap((route) => route.methods);
    return [...new Set(methods)].sort();
  };
}
