import { describe, expect, it } from 'vitest';
import type { ControlStore, CorrelatorCommit, HistoryStore } from '../domain/ports.ts';
import type { TickReport } from '../domain/signal/history.ts';
import { Committer } from './committer.ts';
import type { Correlator, CorrelatorStep } from './correlator/correlator.ts';

const STEP: CorrelatorStep = { incidents: [], decisions: [], outbox: [], templates: [], deploys: [], traces: [] };
const report = (sequence: number, shard = 0): TickReport =>
  ({
    shard,
    sequence,
    at: sequence * 10_000,
    provisional: false,
    newSeries: [],
    windows: { length: 0 },
  }) as unknown as TickReport;

/** A committer whose stores note what they are called for, over a clock that stands still unless moved. */
function build(
  options: { applied?: Record<string, number>; refuse?: () => boolean; step?: Partial<CorrelatorStep> } = {},
) {
  const calls: string[] = [];
  const commits: CorrelatorCommit[] = [];
  const durable: string[] = [];
  const failures: string[] = [];
  let applied = 0;
  const clock = { at: 0, now: () => clock.at };
  const note = async (what: string): Promise<void> => {
    await Promise.resolve();
    calls.push(what);
  };
  const committer = new Committer({
    correlator: {
      apply: () => ({ ...STEP, templates: [++applied] as never, ...options.step }),
      state: () => ({ decide: { services: [] }, incidents: { incidents: [] }, suspects: [], watermark: applied }),
    } as unknown as Correlator,
    history: {
      registerSeries: () => note('register'),
      append: () => note('append'),
      flush: () => note('flush'),
    } as unknown as HistoryStore,
    control: {
      commit: async (commit: CorrelatorCommit) => {
        await note('commit');
        if (options.refuse?.() === true) throw new Error('disk full');
        commits.push(commit);
      },
    } as unknown as ControlStore,
    clock,
    stamp: { modelVersion: '', configHash: '' },
    applied: options.applied ?? {},
    onDurable: (shard, sequence) => durable.push(`${shard}:${sequence}`),
    onIncidents: () => undefined,
    onOutbox: () => undefined,
    onStep: () => undefined,
    onFailure: (error) => failures.push((error as Error).message),
  });
  return { committer, calls, commits, durable, failures, clock };
}

describe('committer', () => {
  it('makes history durable before the control store calls a report applied, and acknowledges after both', async () => {
    const { committer, calls, commits, durable } = build();
    committer.push([report(0), report(1)]);
    await committer.drain();
    expect(calls).toEqual(['register', 'append', 'register', 'append', 'flush', 'commit']);
    expect(commits).toMatchObject([{ applied: { 0: 1 }, templates: [1, 2] }]);
    expect(JSON.parse(commits[0]!.state)).toMatchObject({ watermark: 2 });
    expect(durable).toEqual(['0:2']);
  });

  it('passes over what was applied before the last crash, and acknowledges it again', async () => {
    const { committer, calls, durable } = build({ applied: { 0: 4 } });
    committer.push([report(3), report(4)]);
    await committer.drain();
    expect(calls).toEqual([]);
    expect(durable).toEqual(['0:4', '0:5']);
    committer.push([report(5), report(0, 1)]);
    await committer.drain();
    expect(durable.slice(2)).toEqual(['0:6', '1:1']);
  });

  it('makes a page due now by the clock, even if its tick ends later', async () => {
    const { committer, commits, clock } = build({
      step: { outbox: [{ id: 'p', createdAt: 10_000 }] as unknown as CorrelatorStep['outbox'] },
    });
    clock.at = 1_234;
    committer.push([report(1)]);
    await committer.drain();
    expect(commits[0]!.outbox).toEqual([{ id: 'p', createdAt: 10_000, dueAt: 1_234 }]);
  });

  it('writes quiet steps together, at the latest after two seconds', async () => {
    const { committer, commits, clock } = build();
    committer.push([report(0)]);
    await new Promise((resolve) => setImmediate(resolve));
    await committer.tick();
    clock.at = 1_999;
    await committer.tick();
    expect(commits).toHaveLength(0);
    clock.at = 2_000;
    await committer.tick();
    expect(commits).toHaveLength(1);
  });

  it('never writes again after a store has refused: a later commit would claim the lost one', async () => {
    let full = true;
    const { committer, commits, durable, failures } = build({ refuse: () => full });
    committer.push([report(0)]);
    await committer.drain();
    full = false;
    committer.push([report(1), report(2)]);
    await committer.drain();
    expect(failures).toEqual(['disk full']);
    expect(commits).toEqual([]);
    expect(durable).toEqual([]);
    expect(committer.backlog).toBe(0);
  });
});
