import { describe, expect, it } from 'vitest';
import { createPointBatch } from '../../domain/signal/batch.ts';
import type { SeriesTable } from '../../domain/signal/series.ts';
import { createEventTime } from '../../features/event-time/event-time.ts';
import { createRng } from '../../stats/rng.ts';
import { createSilence, SILENCE_OPTIONS, type Silence, type SilenceFinding } from './silence.ts';

const START = 1_700_000_000_000;
const S = 1000;

interface Member {
  readonly tenant?: string;
  readonly service: string;
  readonly instance?: string;
}

function tableOf(members: readonly Member[]): SeriesTable {
  const names = [...new Set(members.map((m) => `${m.tenant ?? 'default'}/${m.service}`))];
  const instances = [...new Set(members.flatMap((m) => (m.instance === undefined ? [] : [m.instance])))];
  const missing = (): never => {
    throw new Error('not part of this fake');
  };
  return {
    size: members.length,
    service: Int32Array.from(members, (m) => names.indexOf(`${m.tenant ?? 'default'}/${m.service}`)),
    kind: new Uint8Array(members.length),
    modality: new Uint8Array(members.length),
    live: new Uint8Array(members.length).fill(1),
    instance: Int32Array.from(members, (m) => (m.instance === undefined ? -1 : instances.indexOf(m.instance))),
    describe: (s) => ({
      id: String(s),
      tenant: members[s]!.tenant ?? 'default',
      service: members[s]!.service,
      metric: 'm',
      unit: '1',
      kind: 0,
      modality: 'metric',
      labels: {},
      instance: members[s]!.instance ?? '',
    }),
    serviceCount: () => names.length,
    describeService: (i) => ({ tenant: names[i]!.split('/')[0]!, service: names[i]!.split('/')[1]!, version: '' }),
    instanceName: (i) => instances[i] ?? '',
    derive: missing,
    deriveFrom: missing,
    ensureService: missing,
  };
}

/** A shard in small: event time, silence, a scan every 10 s of event time. */
class World {
  readonly table: SeriesTable;
  readonly size: number;
  readonly eventTime = createEventTime();
  silence: Silence = createSilence();

  constructor(members: readonly Member[]) {
    this.table = tableOf(members);
    this.size = members.length;
    this.eventTime.grow(this.size);
    this.silence.grow(this.size);
  }

  send(samples: readonly (readonly [series: number, time: number, value?: number])[]): void {
    const batch = createPointBatch(samples.length);
    batch.length = samples.length;
    samples.forEach(([series, time, value], i) => {
      batch.series[i] = series;
      batch.time[i] = time;
      batch.value[i] = value ?? 1;
    });
    this.eventTime.admit(
      batch,
      Number.POSITIVE_INFINITY,
      (slice) => this.silence.observe(slice, this.eventTime.interval),
      () => {},
    );
    this.silence.observeGaps(this.eventTime.gaps);
  }

  scan(now: number): readonly SilenceFinding[] {
    const { lastSeen, interval, lag } = this.eventTime;
    return this.silence.scan(now, lastSeen, interval, lag, this.table);
  }

  /** Sends every series that `alive` lets through each 10 s and scans after each round; what was found by time. */
  run(from: number, to: number, alive: (series: number, time: number) => boolean | number): SilenceFinding[][] {
    const out: SilenceFinding[][] = [];
    for (let t = from; t < to; t += 10 * S) {
      const round: [number, number, number][] = [];
      for (let s = 0; s < this.size; s++) {
        const value = alive(s, t);
        if (value !== false) round.push([s, t, value === true ? 1 : value]);
      }
      this.send(round);
      out.push([...this.scan(t)]);
    }
    return out;
  }
}

const shop = ['cart', 'pay', 'ship'].flatMap((service) =>
  ['a', 'b'].flatMap((instance) => Array.from({ length: 10 }, () => ({ service, instance: `${service}-${instance}` }))),
);
const DAY = START + 3 * 3600 * S;
const serviceOf = (s: number): string => shop[s]!.service;

function settled(members: readonly Member[] = shop): World {
  const world = new World(members);
  for (const found of world.run(START, DAY, () => true)) expect(found).toEqual([]);
  return world;
}

function brief(findings: readonly SilenceFinding[]): unknown[] {
  return findings.map((f) => [f.kind, f.status, f.service, f.instance, f.seriesCount]);
}

describe('createSilence', () => {
  it('reports a silent service once, however many series, soon, and tells when it is back', () => {
    const world = settled();
    const silent = world.run(DAY, DAY + 120 * S, (s) => serviceOf(s) !== 'pay');
    const first = silent.findIndex((found) => found.length > 0);
    expect(first).toBeLessThanOrEqual(4);
    expect(brief(silent.at(-1)!)).toEqual([['target-silent', 'open', 'pay', '', 20]]);
    expect(silent.at(-1)![0]!.p).toBeLessThan(1e-4);
    expect(silent.at(-1)![0]!.since).toBe(DAY - 10 * S);
    const back = world.run(DAY + 120 * S, DAY + 200 * S, () => true);
    expect(brief(back[0]!)).toEqual([['target-silent', 'ended', 'pay', '', 20]]);
    expect(back.slice(1).flat()).toEqual([]);
  });

  it('blames the pipeline when most services fall silent together', () => {
    const world = settled();
    const found = world.run(DAY, DAY + 120 * S, () => false).at(-1)!;
    expect(brief(found)).toEqual([['pipeline-silent', 'open', '', '', 60]]);
    expect(found[0]!.p).toBeLessThan(1e-4);
  });

  it('keeps tenants apart', () => {
    const world = settled([...shop, ...shop.map((m) => ({ ...m, tenant: 'other' }))]);
    const found = world.run(DAY, DAY + 120 * S, (s) => s < shop.length).at(-1)!;
    expect(brief(found)).toEqual([['pipeline-silent', 'open', '', '', 60]]);
    expect(found[0]!.tenant).toBe('other');
  });

  it('names the silent instance of a service that lives', () => {
    const world = settled();
    const found = world.run(DAY, DAY + 120 * S, (s) => shop[s]!.instance !== 'ship-b').at(-1)!;
    expect(brief(found)).toEqual([['target-silent', 'open', 'ship', 'ship-b', 10]]);
  });

  it('takes an instance that another one replaced as ended, and says so once', () => {
    const world = new World([...shop, ...Array.from({ length: 10 }, () => ({ service: 'ship', instance: 'ship-c' }))]);
    const old = shop.length;
    for (const found of world.run(START, DAY, (s) => s < old)) expect(found).toEqual([]);
    const after = world.run(DAY, DAY + 600 * S, (s) => s >= old || shop[s]!.instance !== 'ship-b').flat();
    expect(brief(after)).toEqual([['series-retired', 'retired', 'ship', '', 10]]);
    expect(after[0]!.p).toBe(1);
  });

  it('tells series that stopped from targets that stopped', () => {
    const world = settled();
    const found = world.run(DAY, DAY + 300 * S, (s) => s !== 3 && s !== 4).at(-1)!;
    expect(brief(found)).toEqual([['series-retired', 'open', 'cart', '', 2]]);
    expect(found[0]!.series).toEqual([3, 4]);
  });

  it('sees a fall to zero of what never was zero, not of what often is, nor of what was born zero', () => {
    const world = new World(shop);
    const value = (s: number, t: number): number => {
      const tick = (t - START) / (10 * S);
      if (s === 1) return tick % 20 < 8 ? 0 : 3;
      if (s === 2) return 0;
      return s === 0 && t >= DAY ? 0 : 5;
    };
    // The very first run of zeros of a young series may be remarked on, but never as an alarm.
    for (const finding of world.run(START, DAY, value).flat()) expect(finding.p).toBeGreaterThan(1e-3);
    const after = world.run(DAY, DAY + 300 * S, value);
    expect(brief(after.at(-1)!)).toEqual([['zero', 'open', 'cart', '', 1]]);
    expect(after.at(-1)![0]!.series).toEqual([0]);
    expect(brief(world.run(DAY + 300 * S, DAY + 310 * S, () => 5)[0]!)).toEqual([['zero', 'ended', 'cart', '', 1]]);
  });

  it('says nothing of a replay where each service arrives as a burst a minute, series by series', () => {
    const world = new World(shop);
    for (let minute = 0; minute < 120; minute++) {
      for (let s = 0; s < shop.length; s++) {
        for (let k = 0; k < 6; k++) {
          const t = START + minute * 60 * S + k * 10 * S;
          world.send([[s, t]]);
          // As a pipeline would, with every tick that the first series of the burst closes.
          if (s % 7 === 0) expect(world.scan(world.eventTime.watermark())).toEqual([]);
        }
      }
    }
  });

  it('is quiet on irregular series', () => {
    const world = new World(shop);
    const rng = createRng(5);
    const next = Float64Array.from({ length: shop.length }, () => START + rng.exponential() * 30 * S);
    let scans = 0;
    let loud = 0;
    for (let t = START; t < START + 8 * 3600 * S; t += 10 * S) {
      for (let s = 0; s < shop.length; s++) {
        while (next[s]! <= t) {
          world.send([[s, next[s]!]]);
          next[s] = next[s]! + rng.exponential() * 30 * S;
        }
      }
      scans++;
      if (world.scan(t).some((finding) => finding.status === 'open' && finding.p < 1e-3)) loud++;
    }
    expect(loud / scans).toBeLessThan(0.005);
  });

  it('takes a long silence as the end: one note, then quiet, and awake again when seen', () => {
    const world = settled();
    const found = world.run(DAY, DAY + 3 * 3600 * S, (s) => serviceOf(s) !== 'pay');
    const notes = found.flat().filter((finding) => finding.status !== 'open');
    expect(brief(notes)).toEqual([['target-silent', 'retired', 'pay', '', 20]]);
    expect(found.at(-1)).toEqual([]);
    world.run(DAY + 3 * 3600 * S, DAY + 6 * 3600 * S, () => true);
    const again = world.run(DAY + 6 * 3600 * S, DAY + 6 * 3600 * S + 120 * S, (s) => serviceOf(s) !== 'pay').at(-1)!;
    expect(brief(again)).toEqual([['target-silent', 'open', 'pay', '', 20]]);
  });

  it('notes once, without alarm, that a series said goodbye', () => {
    const world = settled();
    world.silence.stale(7, DAY - 10 * S);
    const found = world.run(DAY, DAY + 300 * S, (s) => s !== 7).flat();
    expect(brief(found)).toEqual([['series-retired', 'retired', 'cart', '', 1]]);
    expect(found[0]!.p).toBe(1);
  });

  it('learns a pause that comes again and again, but not from the first outage', () => {
    const world = settled();
    let t = DAY;
    const p: number[] = [];
    for (let round = 0; round < 8; round++) {
      const silent = world.run(t, t + 300 * S, (s) => serviceOf(s) !== 'pay').at(-1)!;
      p.push(silent.find((finding) => finding.status === 'open')?.p ?? 1);
      world.run(t + 300 * S, t + 900 * S, () => true);
      t += 900 * S;
    }
    expect(p[1]).toBeLessThan(1e-4);
    expect(p[7]).toBeGreaterThan(4e-4);
  });

  it('goes on after restore as if nothing had happened', () => {
    const world = settled();
    const twin = settled();
    const alive = (s: number): boolean | number => serviceOf(s) !== 'pay' && (s === 0 ? 0 : true);
    world.run(DAY, DAY + 100 * S, alive);
    twin.run(DAY, DAY + 100 * S, alive);
    const saved = twin.silence.save();
    twin.silence = createSilence();
    twin.silence.restore({ ...saved, meta: JSON.parse(JSON.stringify(saved.meta)) as unknown });
    const rest = (w: World): SilenceFinding[][] => [
      ...w.run(DAY + 100 * S, DAY + 200 * S, alive),
      ...w.run(DAY + 200 * S, DAY + 300 * S, () => true),
    ];
    expect(rest(twin)).toEqual(rest(world));
  });

  it('documents every option', () => {
    for (const option of Object.values(SILENCE_OPTIONS)) expect(option.doc).toMatch(/\.$/);
  });
});
