import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../domain/anomaly.ts';
import { createRng } from '../../stats/rng.ts';
import { acat, agreementP, cauchyP, cauchyWeight, countP, poissonTail } from './combine-p.ts';
import { createServiceFusion, type ServiceFusion } from './service.ts';

const TICK = 10_000;
const named = (service: number) => ({ tenant: 'default', service: `s${service}` });
const nothing = () => null;

function evidence(series: string, p: number, modality: Evidence['modality'] = 'metric'): Evidence {
  return {
    series,
    service: 's0',
    modality,
    metric: series,
    unit: '1',
    labels: {},
    instance: '',
    kind: 'spike',
    at: 0,
    onset: 0,
    p,
    value: 2,
    expected: 1,
    lower: 0.9,
    upper: 1.1,
    contributions: [],
    text: '',
  };
}

/** Standard normal upper tail by the Abramowitz-Stegun erfc; good to 1e-7 relative enough for tests. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const d = 0.3989422804 * Math.exp((-z * z) / 2);
  const q = d * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? q : 1 - q;
}

/** One service of `n` series whose p-values are uniform but share a factor: correlation `rho`. */
function player(fusion: ServiceFusion, n: number, rho: number, seed: number) {
  const rng = createRng(seed);
  const series = Int32Array.from({ length: n }, (_, i) => i);
  const surprise = new Float32Array(n);
  const serviceOf = new Int32Array(n);
  const modalityOf = new Uint8Array(n);
  return (tick: number, shift = 0) => {
    const common = rng.normal();
    for (let i = 0; i < n; i += 1) {
      const z = Math.sqrt(rho) * common + Math.sqrt(1 - rho) * rng.normal() + (i < 3 ? shift : 0);
      surprise[i] = Math.min(6, -Math.log10(upperTail(z)));
    }
    fusion.observe(series, surprise, n, serviceOf, modalityOf);
    return fusion.close(tick * TICK, nothing)[0]!;
  };
}

describe('combination of p-values', () => {
  it('gives back a single p and is exact far in the tail', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 12, noNaN: true }), (s) => {
        const p = Math.min(0.99, 10 ** -s);
        expect(acat([p]) / p).toBeCloseTo(1, 6);
      }),
    );
    expect(cauchyP((cauchyWeight(1e-6) + cauchyWeight(0.5)) / 2)).toBeCloseTo(2e-6, 9);
  });

  it('matches the Poisson tail added up term by term', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.double({ min: 1e-3, max: 20, noNaN: true }), (k, rate) => {
        let below = 0;
        let term = Math.exp(-rate);
        for (let i = 0; i < k; i += 1) {
          below += term;
          term *= rate / (i + 1);
        }
        expect(Math.abs(poissonTail(k, rate) - (1 - below))).toBeLessThan(1e-9);
      }),
    );
  });

  it('counts ten copies of one strange series as one', () => {
    expect(countP(10, 10, 0.1)).toBeCloseTo(1e-3, 5);
    expect(countP(10, 10, 1)).toBeLessThan(1e-15);
    expect(countP(0, 10, 1)).toBe(1);
  });

  it('needs a second modality for agreement', () => {
    expect(agreementP([1e-6])).toBe(1);
    expect(agreementP([1e-6, 1])).toBe(1);
    expect(agreementP([1e-4, 1e-4, 1])).toBeLessThan(1e-5);
  });
});

describe('service fusion', () => {
  it.each([0, 0.5])('keeps false alarms near nominal when series correlate (rho %s)', (rho) => {
    const play = player(createServiceFusion(named), 40, rho, 7);
    for (let t = 1; t <= 2000; t += 1) play(t);
    let strange = 0;
    const n = 20_000;
    for (let t = 2001; t <= 2000 + n; t += 1) if (play(t).p < 1e-3) strange += 1;
    expect(strange).toBeLessThan(n * 1e-3 * 2.5);
    expect(strange).toBeGreaterThan(0);
  });

  it('sees a fault in three of forty series at once, and says which', () => {
    const fusion = createServiceFusion(named);
    const play = player(fusion, 40, 0.2, 3);
    for (let t = 1; t <= 300; t += 1) play(t);
    expect(play(301, 7).p).toBeLessThan(1e-4);
    const n = Int32Array.of(5, 6);
    fusion.observe(n, Float32Array.of(5.5, 0.2), 2, new Int32Array(40), new Uint8Array(40));
    expect(fusion.takeUrgent()).toEqual([0]);
    expect(fusion.takeUrgent()).toEqual([]);
    const early = fusion.provisional(0, 302 * TICK, (series, s) => evidence(`m${series}`, 10 ** -s))!;
    expect(early.provisional).toBe(true);
    expect(early.evidence.map((e) => e.series)).toEqual(['m5']);
    const closed = fusion.close(302 * TICK, (series, s) => evidence(`m${series}`, 10 ** -s))[0]!;
    expect({ ...closed, provisional: true }).toEqual(early);
    expect(closed).toMatchObject({ seriesSeen: 2, seriesStrange: 1 });
  });

  it('says nothing about a service without samples, and that a new one is learning', () => {
    const fusion = createServiceFusion(named);
    const play = player(fusion, 4, 0, 1);
    expect(play(1).learning).toBe(true);
    expect(fusion.close(2 * TICK, nothing)).toEqual([]);
    // Long enough by the clock, but of hardly any ticks.
    expect(play(100).learning).toBe(true);
    for (let t = 101; t <= 130; t += 1) play(t);
    expect(play(131).learning).toBeUndefined();
  });

  it('treats unscored points as life without evidence', () => {
    const fusion = createServiceFusion(named);
    fusion.observe(Int32Array.of(0), Float32Array.of(0), 1, new Int32Array(1), new Uint8Array(1));
    expect(fusion.close(TICK, nothing)[0]).toMatchObject({ p: 1, seriesSeen: 0 });
  });

  it('combines modalities: two that agree weigh more than one', () => {
    const run = (second: number) => {
      const fusion = createServiceFusion(named);
      player(fusion, 4, 0, 5)(1);
      fusion.addEvidence(0, evidence('l', 2e-4, 'log'));
      fusion.addEvidence(0, evidence('t', second, 'trace'));
      return fusion.close(2 * TICK, nothing)[0]!;
    };
    const one = run(0.9);
    const two = run(2e-4);
    expect(one.pByModality.log).toBeCloseTo(2e-4, 6);
    expect(two.p).toBeLessThan(one.p / 5);
    expect(two.evidence).toHaveLength(2);
  });

  it('allows for the number of tests an evidence is the strongest of', () => {
    const run = (tests: number) => {
      const fusion = createServiceFusion(named);
      fusion.addEvidence(0, evidence('l', 1e-5, 'log'), tests);
      return fusion.close(TICK, nothing)[0]!.pByModality.log;
    };
    expect(run(100) / run(1)).toBeCloseTo(100, 1);
  });

  it('keeps the sixteen strongest series, each once', () => {
    const fusion = createServiceFusion(named);
    const n = 100;
    const series = Int32Array.from({ length: n }, (_, i) => i);
    const surprise = Float32Array.from({ length: n }, (_, i) => 3 + ((i * 37) % 100) / 50);
    for (let k = 0; k < 2; k += 1) fusion.observe(series, surprise, n, new Int32Array(n), new Uint8Array(n));
    const tick = fusion.close(TICK, (s, x) => evidence(String(s), 10 ** -x))[0]!;
    const wanted = [...surprise].sort((a, b) => b - a).slice(0, 16);
    expect(tick.evidence.map((e) => -Math.log10(e.p)).every((s, i) => Math.abs(s - wanted[i]!) < 1e-5)).toBe(true);
    expect(tick).toMatchObject({ seriesSeen: n, seriesStrange: n });
  });

  it('counts a voice only where it is strange, shows what it says as evidence, and keeps it as extent', () => {
    const make = () => {
      const fusion = createServiceFusion(named);
      const play = player(fusion, 12, 0, 5);
      for (let tick = 1; tick <= 400; tick += 1) play(tick);
      return { fusion, play };
    };
    const without = make().play(401, 5);
    const ordinary = make();
    ordinary.fusion.addVoice(0, 'metric', 0.4, null);
    const calm = ordinary.play(401, 5);
    expect(calm.p).toBe(without.p);
    expect(calm.extent).toBeCloseTo(-Math.log10(0.4), 9);
    expect(without.extent).toBeUndefined();
    const loud = make();
    const said = evidence('row', 1e-5);
    loud.fusion.addVoice(0, 'metric', 1e-5, said);
    const tick = loud.play(401);
    expect(tick.p).toBeLessThan(1e-3);
    expect(tick.evidence[0]).toEqual(said);
  });

  it('takes back what somebody who looked closer found ordinary, and adds what he found strange', () => {
    const at = (to: (surprise: number) => number) => {
      const fusion = createServiceFusion(named);
      const play = player(fusion, 12, 0, 6);
      for (let tick = 1; tick <= 400; tick += 1) play(tick);
      const series = Int32Array.from({ length: 12 }, (_, i) => i);
      const surprise = new Float32Array(12).fill(0.3);
      surprise[4] = 4;
      fusion.observe(series, surprise, 12, new Int32Array(12), new Uint8Array(12));
      fusion.revise(0, new Uint8Array(12), (_, s) => to(s));
      return fusion.close(401 * TICK, nothing)[0]!;
    };
    const as = at((s) => s);
    const less = at(() => 1);
    const more = at(() => 6);
    expect(less.p).toBeGreaterThan(10 * as.p);
    expect(less.seriesStrange).toBe(0);
    expect(more.p).toBeLessThan(as.p);
    expect(as.seriesStrange).toBe(1);
  });

  it('goes on the same after save and restore', () => {
    const a = createServiceFusion(named);
    const first = player(a, 20, 0.4, 9);
    for (let t = 1; t <= 200; t += 1) first(t);
    const b = createServiceFusion(named);
    b.restore(a.save());
    const left = player(a, 20, 0.4, 11);
    const right = player(b, 20, 0.4, 11);
    for (let t = 201; t <= 260; t += 1) expect(right(t)).toEqual(left(t));
    expect(b.save()).toEqual(a.save());
    expect(() => b.restore({ ...a.save(), version: 99 })).toThrow(/version/);
  });
});
