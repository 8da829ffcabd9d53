/**
 * `${VAR}`, `${env:VAR}`, `${VAR:-default}` and `$$` for a plain dollar sign, as in the OpenTelemetry Collector.
 * @returns the text with variables filled in, and the names of those that are not set and have no default.
 */
export function interpolate(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): { text: string; missing: string[] } {
  const missing: string[] = [];
  const filled = text.replace(
    /\$\$|\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
    (whole, name: string | undefined, fallback: string | undefined) => {
      if (whole === '$$') return '$';
      const value = env[name!];
      if (value !== undefined && value !== '') return value;
      if (fallback !== undefined) return fallback;
      missing.push(name!);
      return '';
    },
  );
  return { text: filled, missing };
}
