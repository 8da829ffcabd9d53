import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { PAGES, pageOnDisk } from '../scripts/docs.ts';
import { parseConfig } from '../src/config/load.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';

const root = resolve(import.meta.dirname, '..');

test.each(Object.keys(PAGES))('docs/%s is what the code says (node scripts/docs.ts)', (name) => {
  expect(pageOnDisk(name)).toBe(PAGES[name]!());
});

test('YAML in the docs is valid configuration', () => {
  const faults: string[] = [];
  let found = 0;
  for (const page of ['README.md', 'docs/configuration.md', 'docs/alerting.md']) {
    for (const [, yaml] of readFileSync(resolve(root, page), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)) {
      if (yaml!.startsWith('# otel') || yaml!.startsWith('# prometheus')) continue;
      found++;
      // A secret file of the example does not exist here: only its presence is checked.
      const text = yaml!.replaceAll(/url_file: \S+/g, 'url: http://localhost/hook');
      try {
        parseConfig(text, settingsSchema, {}, page);
      } catch (error) {
        faults.push((error as Error).message);
      }
    }
  }
  expect(found).toBeGreaterThan(0);
  expect(faults).toEqual([]);
});

test('the configuration to start from is valid', () => {
  const { config } = parseConfig(
    readFileSync(resolve(root, 'deploy/tocsin.yaml'), 'utf8'),
    settingsSchema,
    {},
    'deploy/tocsin.yaml',
  );
  expect(config.api.listen).toEqual({ host: '0.0.0.0', port: 4400 });
});
