import { globSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { checkScenario, incidentText } from '../src/pipeline/scenario/check.ts';
import { type LoadedScenario, loadScenario, parseScenario } from '../src/pipeline/scenario/load.ts';
import { runScenario } from '../src/pipeline/scenario/run.ts';

const root = resolve(import.meta.dirname, '..');
const files = globSync('scenarios/*.yaml', { cwd: root }).sort();

/** Expectations that do not hold, with all that happened beside them. */
function differences(loaded: LoadedScenario) {
  const outcome = runScenario(loaded);
  const failures = checkScenario(loaded.scenario.expect, outcome);
  return failures.length === 0
    ? []
    : [...failures, ...outcome.incidents.map((incident) => incidentText(incident, outcome.start))];
}

test('there are scenarios', () => {
  expect(files.length).toBeGreaterThanOrEqual(14);
});

test.each(files)('%s', (file) => {
  expect(differences(loadScenario(resolve(root, file)))).toEqual([]);
});

test('the example in docs/testing-detectors.md holds', () => {
  const page = readFileSync(resolve(root, 'docs/testing-detectors.md'), 'utf8');
  const [, yaml] = /```yaml\n([\s\S]*?)```/.exec(page)!;
  expect(differences(parseScenario(yaml!, 'docs/testing-detectors.md'))).toEqual([]);
});

test('known gaps are valid and say why', () => {
  for (const file of globSync('scenarios/known-gaps/*.yaml', { cwd: root })) {
    loadScenario(resolve(root, file));
    expect(readFileSync(resolve(root, file), 'utf8'), relative(root, file)).toMatch(/^# Gap: /m);
  }
});
