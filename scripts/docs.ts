import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { referenceOf } from '../src/config/reference.ts';
import { ERRORS } from '../src/domain/error.ts';
import { FEATURES } from '../src/features/spec.ts';
import { createMetrics } from '../src/observe/metrics.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';

/**
 * Pages that are made from the code: `node scripts/docs.ts` writes them, `test/docs.test.ts` holds them equal.
 */
const folder = resolve(import.meta.dirname, '../docs');

const note = '<!-- Made by `node scripts/docs.ts`; do not edit. -->\n\n';

const errorsPage = (): string =>
  `${note}# Errors\n\nEvery error has one of these codes. Senders should retry only where it says so.\n\n| code | HTTP | gRPC | retry | meaning |\n|---|---|---|---|---|\n${Object.entries(
    ERRORS,
  )
    .map(
      ([code, { http, grpc, retryable, meaning }]) =>
        `| \`${code}\` | ${http} | ${grpc} | ${retryable ? 'yes' : 'no'} | ${meaning} |`,
    )
    .join('\n')}\n`;

const configurationPage = (): string =>
  `${note}# Configuration

One YAML file, or a folder of them (read in name order, later ones win key by key): \`tocsin serve --config PATH\`. Everything has a default. Unknown keys are
refused, and all faults are reported at once: try \`tocsin check-config PATH\`. \`\${VAR}\`, \`\${env:VAR}\` and \`\${VAR:-default}\` take environment variables, \`$$\` is a
dollar sign. Every key that holds a secret has a twin with \`_file\` behind it that names a file to read it from. Durations are written \`30s\`, \`5m\`, \`1h30m\`,
\`1d\`, sizes \`64MiB\`, addresses \`host:port\`, \`:port\` (all interfaces) or \`off\`.

\`\`\`yaml
ingest:
  http: :4318                # from other machines as well
api:
  external_url: https://tocsin.example.com
receivers:
  - name: on-call
    webhook_configs:
      - url_file: /run/secrets/pager-webhook
route:
  min_severity: warning
\`\`\`
${referenceOf(settingsSchema)}\n`;

const featuresPage = (): string =>
  `${note}# Features

The one catalogue (\`src/features/spec.ts\`): what is computed, from what, per what, over which window.

| feature | from | per | window | unit | becomes the series | meaning |
|---|---|---|---|---|---|---|
${FEATURES.map((f) => `| \`${f.name}\` | ${f.input} | ${f.key.join(', ')} | ${f.window} | ${f.unit} | ${f.metric === undefined ? '' : `\`${f.metric}\``} | ${f.doc} |`).join('\n')}\n`;

const metricsPage = (): string => {
  const metrics = createMetrics('')
    .registry.getMetricsAsArray()
    .filter(({ name }) => name.startsWith('tocsin_')) as unknown as readonly Described[];
  return `${note}# Metrics

\`GET /metrics\` on the API's address, in Prometheus' text format. Names and units follow Prometheus' rules. Totals start at 0 with
the process. Those of the runtime (\`process_*\`, \`nodejs_*\`) are there too. \`test/process.integration.test.ts\` holds this table equal to what a running program exposes.

| metric | type | labels | meaning |
|---|---|---|---|
${metrics
  .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  .map(
    ({ name, type, labelNames, help }) =>
      `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  )
  .join('\n')}\n`;
};

/** What prom-client keeps of a metric; its own types leave this out. */
interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

/** File name → content. */
export const PAGES: Readonly<Record<string, () => string>> = {
  'errors.md': errorsPage,
  'configuration.md': configurationPage,
  'features.md': featuresPage,
  'metrics.md': metricsPage,
};

export const pageOnDisk = (name: string): string => readFileSync(join(folder, name), 'utf8');

if (import.meta.main) for (const [name, make] of Object.entries(PAGES)) writeFileSync(join(folder, name), make());
