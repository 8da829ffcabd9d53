import { globSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ConfigError, formatFault } from '../config/load.ts';
import { TocsinError } from '../domain/error.ts';
import { checkScenario, type Failure, incidentText } from '../pipeline/scenario/check.ts';
import { offsetText } from '../pipeline/scenario/facets.ts';
import { loadScenario } from '../pipeline/scenario/load.ts';
import { type Outcome, runScenario } from '../pipeline/scenario/run.ts';
import type { Output } from './output.ts';

const FAILED = 1;
const INVALID = 2;

export interface TestOptions {
  readonly output: string;
}

interface Tested {
  readonly file: string;
  readonly status: 'passed' | 'failed' | 'invalid';
  readonly failures: readonly (Omit<Failure, 'path'> & { readonly path: string; readonly line: number })[];
  /** Faults of an invalid file, as `file:line: key: what`. */
  readonly faults: readonly string[];
  readonly outcome: Outcome | null;
}

/** Runs scenario files and says what differs. Exit code 0 all hold, 1 some do not, 2 a file is not valid or not there. */
export async function test(patterns: readonly string[], options: TestOptions, output: Output): Promise<number> {
  const tested: Tested[] = [];
  for (const pattern of patterns) {
    const files = filesOf(pattern);
    if (files.length === 0)
      tested.push({
        file: pattern,
        status: 'invalid',
        failures: [],
        faults: [`${pattern}: no such file`],
        outcome: null,
      });
    for (const file of files) {
      const result = testFile(file);
      tested.push(result);
      if (options.output !== 'json')
        for (const line of report(result)) {
          if (result.status === 'passed') output.line(line);
          else output.error(line);
        }
    }
    if (files.length === 0 && options.output !== 'json') output.error(`INVALID ${pattern}: no such file`);
  }
  if (options.output === 'json') output.line(JSON.stringify(tested.map(asJson), null, 2));
  else if (tested.length > 1)
    output.line(`${tested.filter((one) => one.status === 'passed').length} of ${tested.length} passed`);
  if (tested.some((one) => one.status === 'invalid')) return INVALID;
  return tested.some((one) => one.status === 'failed') ? FAILED : 0;
}

/** A file, a folder of them (not of its subfolders), or a pattern with `*`; in name order. */
function filesOf(pattern: string): string[] {
  const found = statSync(pattern, { throwIfNoEntry: false });
  if (found?.isFile() === true) return [pattern];
  const names =
    found?.isDirectory() === true
      ? globSync('*.{yaml,yml}', { cwd: pattern }).map((name) => join(pattern, name))
      : globSync(pattern);
  return names.map((name) => relative('', name)).sort();
}

function testFile(file: string): Tested {
  try {
    const loaded = loadScenario(file);
    const outcome = runScenario(loaded);
    const failures = checkScenario(loaded.scenario.expect, outcome).map((failure) => ({
      ...failure,
      path: failure.path.map(String).join('.'),
      line: loaded.lineOf(failure.path),
    }));
    return { file, status: failures.length === 0 ? 'passed' : 'failed', failures, faults: [], outcome };
  } catch (error) {
    if (!(error instanceof TocsinError)) throw error;
    const faults = error instanceof ConfigError ? error.faults.map(formatFault) : [`${file}: ${error.message}`];
    return { file, status: 'invalid', failures: [], faults, outcome: null };
  }
}

function* report({ file, status, failures, faults, outcome }: Tested): Generator<string> {
  if (outcome === null) {
    yield `INVALID ${file}: ${faults.length} fault${faults.length === 1 ? '' : 's'}`;
    for (const fault of faults) yield `  ${fault}`;
    return;
  }
  const { incidents, notifications, stats, start, end } = outcome;
  if (status === 'passed') {
    yield `PASS ${file} (${incidents.length} incidents, ${notifications.length} notifications; ${offsetText(end - start)}, ${stats.series} series, ${stats.points} points, ${stats.logs} lines, ${stats.spans} spans)`;
    return;
  }
  yield `FAIL ${file}: ${failures.length} expectation${failures.length === 1 ? '' : 's'}`;
  for (const failure of failures) {
    yield `  ${file}:${failure.line}: ${failure.path}`;
    yield `    expected: ${failure.expected}`;
    yield `    got:      ${failure.got}`;
    for (const facet of failure.differs) yield `      ${facet.name}: expected ${facet.expected}, got ${facet.got}`;
  }
  yield `  what happened: ${incidents.length === 0 ? 'no incident' : ''}`;
  for (const incident of incidents) yield `    ${incidentText(incident, start)}`;
}

function asJson({ outcome, ...rest }: Tested): unknown {
  if (outcome === null) return rest;
  const { start, end, incidents, notifications, stats } = outcome;
  const told = notifications.map(({ at, notification: { receiver, reason, incident } }) => ({
    at,
    receiver,
    reason,
    incident: incident.id,
    title: incident.title,
  }));
  return { ...rest, start, end, incidents, notifications: told, stats };
}
