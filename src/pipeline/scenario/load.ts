import { readFileSync } from 'node:fs';
import { ConfigError, parseConfig } from '../../config/load.ts';
import { type Scenario, scenarioSchema } from './schema.ts';

export interface LoadedScenario {
  readonly file: string;
  readonly scenario: Scenario;
  /** Line of a key, for messages; 0 when it is not in the file. */
  readonly lineOf: (path: readonly PropertyKey[]) => number;
}

/** @throws ConfigError with all faults at once, each with its line. */
export function loadScenario(file: string): LoadedScenario {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([{ file, line: 0, path: '', message: `cannot be read: ${(error as Error).message}` }]);
  }
  return parseScenario(text, file);
}

/** As `loadScenario`, for text; `file` names it in faults, and is where relative paths start. */
export function parseScenario(text: string, file: string): LoadedScenario {
  try {
    const loaded = parseConfig(text, scenarioSchema, {}, file);
    return { file, scenario: loaded.config, lineOf: loaded.lineOf };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(
      error.faults.map((fault) =>
        fault.path.startsWith('config')
          ? fault
          : { ...fault, message: fault.message.replace('docs/configuration.md', 'docs/testing-detectors.md') },
      ),
    );
  }
}
