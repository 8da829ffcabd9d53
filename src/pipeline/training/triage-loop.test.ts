import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { TriageExample } from '../../domain/learning/model.ts';
import { nameOf, promote, rollback } from '../../learn/registry/registry.ts';
import { TRIAGE_COLUMNS, TRIAGE_FEATURES_VERSION } from '../../learn/triage/features.ts';
import type { TriageData } from '../../learn/triage/triage.ts';
import { createRng } from '../../stats/rng.ts';
import { openSqliteControlStore } from '../../store/control/sqlite.ts';
import { createTraining, type Training } from './jobs.ts';
import { createTriageLoop } from './triage-loop.ts';

let directory = '';
let control: ReturnType<typeof openSqliteControlStore>;
let training: Training;
const clock = { now: () => 5 };
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-triage-'));
  control = openSqliteControlStore(':memory:');
  await control.migrate();
  training = createTraining({ control, directory, clock, code: 'test', share: 1 });
});
afterEach(async () => {
  await training.close();
  await control.close();
  rmSync(directory, { recursive: true });
});

/** Incidents whose fifth feature tells whether they are real, as the correlator would report them. */
function opened(from: number, to: number): TriageExample[] {
  const rng = createRng(from + 1);
  return Array.from({ length: to - from }, (_, k) => ({
    incident: `i${from + k}`,
    openedAt: from + k,
    features: TRIAGE_FEATURES_VERSION,
    values: Array.from({ length: TRIAGE_COLUMNS }, (_, c) => rng.normal() + (c === 4 && (from + k) % 2 === 0 ? 3 : 0)),
  }));
}

async function judge(from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++)
    await control.addVerdict({
      id: `v${i}`,
      subject: 'incident',
      subjectId: `i${i}`,
      kind: i % 2 === 0 ? 'real' : 'false-alarm',
      comment: '',
      by: 'mira',
      at: i,
    });
}

it('trains when enough verdicts came, promotes what beats the score without labels, and takes up what people promote', async () => {
  let waiting: TriageExample[] = [];
  const models: (TriageData | null)[] = [];
  const warnings: string[] = [];
  const loop = createTriageLoop({
    control,
    training,
    clock,
    correlator: {
      setTriage: (data) => void models.push(data),
      takeExamples: () => waiting.splice(0),
    },
    onWarning: (message) => void warnings.push(message),
  });
  const settle = async (): Promise<void> => {
    await loop.tick();
    for (const job of await training.jobs())
      if (job.state === 'running' || job.state === 'queued') await training.over(job.id);
    await loop.tick();
  };
  waiting = opened(0, 15);
  await judge(0, 15);
  await settle();
  expect(await training.jobs()).toEqual([]);
  waiting = opened(15, 60);
  await judge(15, 60);
  loop.verdictGiven();
  await settle();
  const [first] = await control.models.models('triage');
  expect(first).toMatchObject({
    version: 1,
    state: 'champion',
    createdBy: 'tocsin',
    metrics: { labels: 60, active: 1 },
  });
  expect(models.map((data) => data?.active)).toEqual([true]);

  // Two more verdicts are not a tenth more.
  waiting = opened(60, 62);
  await judge(60, 62);
  loop.verdictGiven();
  await settle();
  expect(await training.jobs()).toHaveLength(1);

  await control.models.saveModels(rollback(await control.models.models(), 'triage', 9));
  await loop.tick();
  expect(models.at(-1)).toBeNull();
  await control.models.saveModels(promote(await control.models.models(), nameOf(first!), 10));
  rmSync(join(directory, 'models', first!.checksum));
  await loop.tick();
  expect(models.at(-1)).toBeNull();
  expect(warnings).toEqual([expect.stringContaining('incidents pass without')]);
});
