import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileKernel } from '../../../scripts/build-kernels.ts';
import { createPointBatch, type PointBatch } from '../../domain/signal/batch.ts';
import { ARRIVAL_WASM } from '../../stats/kernels/arrival-wasm.ts';
import { createEventTime, type EventTime } from './event-time.ts';

type Sample = readonly [series: number, time: number, value: number];
const WALL = 1_000_000;

function batchOf(samples: readonly Sample[]): PointBatch {
  const batch = createPointBatch(samples.length);
  batch.length = samples.length;
  samples.forEach(([series, time, value], i) => {
    batch.series[i] = series;
    batch.time[i] = time;
    batch.value[i] = value;
  });
  return batch;
}

function samplesOf(batch: PointBatch): Sample[] {
  return Array.from({ length: batch.length }, (_, i) => [batch.series[i]!, batch.time[i]!, batch.value[i]!] as const);
}

function fresh(): EventTime {
  const eventTime = createEventTime({ allowed_lateness: 1000, max_future: 5000 });
  eventTime.grow(8);
  return eventTime;
}

function run(eventTime: EventTime, samples: readonly Sample[]): { slices: Sample[][]; late: Sample[] } {
  const slices: Sample[][] = [];
  const late: Sample[] = [];
  eventTime.admit(
    batchOf(samples),
    WALL,
    (slice) => slices.push(samplesOf(slice)),
    (batch) => late.push(...samplesOf(batch)),
  );
  return { slices, late };
}

const sample = fc.tuple(fc.nat(5), fc.integer({ min: WALL - 4000, max: WALL + 7000 }), fc.nat(100));
const samples = fc.array(sample, { maxLength: 60 });

/** What each series was given in order, the slow and obvious way. */
function twin(input: readonly Sample[]): { admitted: Sample[][]; late: Sample[][] } {
  const admitted: Sample[][] = Array.from({ length: 6 }, () => []);
  const late: Sample[][] = Array.from({ length: 6 }, () => []);
  for (const [series, sent, value] of input) {
    const time = sent > WALL + 5000 ? WALL : sent;
    const own = admitted[series]!;
    const last = own.at(-1);
    if (last === undefined || time > last[1]) own.push([series, time, value]);
    else if (time !== last[1] && time !== own.at(-2)?.[1] && last[1] - time <= 1000)
      late[series]!.push([series, time, value]);
  }
  return { admitted, late };
}

function bySeries(list: readonly Sample[]): Sample[][] {
  return Array.from({ length: 6 }, (_, series) => list.filter((one) => one[0] === series));
}

describe('createEventTime', () => {
  it('agrees with its slow twin, each series once a slice', () => {
    fc.assert(
      fc.property(samples, (input) => {
        const { slices, late } = run(fresh(), input);
        for (const slice of slices) expect(new Set(slice.map((one) => one[0])).size).toBe(slice.length);
        const expected = twin(input);
        expect(bySeries(slices.flat())).toEqual(expected.admitted);
        expect(bySeries(late)).toEqual(expected.late);
      }),
    );
  });

  it('comes to the same state and samples however the stream is cut into batches', () => {
    fc.assert(
      fc.property(samples, fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 20 }), (input, cuts) => {
        const whole = fresh();
        const once = run(whole, input);
        const parts = fresh();
        const got: Sample[] = [];
        const late: Sample[] = [];
        let from = 0;
        for (const cut of [...cuts, input.length]) {
          const out = run(parts, input.slice(from, from + cut));
          got.push(...out.slices.flat());
          late.push(...out.late);
          from += cut;
        }
        expect(bySeries(got)).toEqual(bySeries(once.slices.flat()));
        expect(late).toEqual(once.late);
        expect(parts.save().arrays).toEqual(whole.save().arrays);
        expect(parts.counters).toEqual(whole.counters);
        expect(parts.watermark()).toBe(whole.watermark());
      }),
    );
  });

  it('goes on after restore as if nothing had happened', () => {
    fc.assert(
      fc.property(samples, samples, (before, after) => {
        const original = fresh();
        run(original, before);
        const restored = createEventTime({ allowed_lateness: 1000, max_future: 5000 });
        restored.restore(original.save());
        expect(run(restored, after)).toEqual(run(original, after));
        expect(restored.save()).toEqual(original.save());
      }),
    );
  });

  it('accounts for every sample', () => {
    fc.assert(
      fc.property(samples, (input) => {
        const eventTime = fresh();
        const { slices, late } = run(eventTime, input);
        const { counters } = eventTime;
        expect(counters.late).toBe(late.length);
        expect(slices.flat().length + counters.late + counters.tooLate + counters.duplicates).toBe(input.length);
      }),
    );
  });

  it('hands a regular batch on itself', () => {
    const batch = batchOf([
      [0, 10, 1],
      [1, 10, 2],
    ]);
    const seen: PointBatch[] = [];
    fresh().admit(
      batch,
      WALL,
      (slice) => seen.push(slice),
      () => expect.unreachable(),
    );
    expect(seen).toEqual([batch]);
    expect(seen[0]).toBe(batch);
  });

  it('does not let a sample two days ahead advance time', () => {
    const eventTime = fresh();
    run(eventTime, [[0, WALL + 2 * 86_400_000, 1]]);
    expect(eventTime.watermark()).toBe(WALL);
    expect(eventTime.counters.future).toBe(1);
    expect(run(eventTime, [[0, WALL + 10, 2]]).slices).toEqual([[[0, WALL + 10, 2]]]);
  });

  it('drops a request sent twice', () => {
    const eventTime = fresh();
    const request: Sample[] = [
      [0, 100, 1],
      [0, 200, 2],
      [1, 200, 3],
    ];
    run(eventTime, request);
    expect(run(eventTime, request)).toEqual({ slices: [], late: [] });
    expect(eventTime.counters.duplicates).toBe(3);
  });

  it('finds the cadence, also with jitter, missing samples and a bad start, and follows a change', () => {
    const eventTime = fresh();
    let t = 0;
    const feed = (step: number): void => {
      t += step;
      run(eventTime, [[0, t, 1]]);
    };
    feed(10);
    feed(86_400);
    for (let i = 0; i < 80; i++) feed(i % 10 === 9 ? 200 : 100 + (i % 3) - 1);
    expect(Math.abs(eventTime.intervalOf(0) - 100)).toBeLessThan(10);
    for (let i = 0; i < 60; i++) feed(600);
    expect(Math.abs(eventTime.intervalOf(0) - 600)).toBeLessThan(30);
  });

  it('tells of long pauses and of how late a series usually arrives', () => {
    const eventTime = fresh();
    for (let t = 100; t <= 500; t += 100)
      run(eventTime, [
        [0, t, 1],
        [1, t - 70, 1],
      ]);
    expect(eventTime.lag[0]).toBe(0);
    expect(eventTime.lag[1]).toBe(70);
    run(eventTime, [[0, 1100, 1]]);
    const { gaps } = eventTime;
    expect([gaps.length, gaps.series[0], gaps.at[0], gaps.gap[0], gaps.interval[0]]).toEqual([1, 0, 1100, 600, 100]);
  });

  it('has the kernel that its source compiles to', async () => {
    expect(await compileKernel('arrival')).toContain(ARRIVAL_WASM);
  });
});
