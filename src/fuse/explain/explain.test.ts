import { describe, expect, it } from 'vitest';
import type { Anomaly, AnomalyKind, Evidence } from '../../domain/anomaly.ts';
import { CLASS_OF } from '../../domain/anomaly.ts';
import { MINUTE } from '../../domain/units.ts';
import { anomalyText, evidenceText, incidentSummary, incidentTitle } from './explain.ts';
import { formatBytes, formatNumber, formatRange, formatSpan, formatValue, listOf } from './format.ts';

const AT = Date.UTC(2026, 0, 1, 14, 3);

function evidence(over: Partial<Evidence> = {}): Evidence {
  return {
    series: 's',
    service: 'checkout',
    modality: 'trace',
    metric: 'span.duration.p99',
    unit: 'ms',
    labels: {},
    subject: 'POST /pay',
    instance: '',
    kind: 'latency',
    at: AT,
    onset: AT,
    p: 1e-6,
    value: 1912.34,
    expected: 100,
    lower: 80.2,
    upper: 119.7,
    contributions: [],
    text: '',
    ...over,
  };
}

function anomaly(over: Partial<Anomaly> = {}): Anomaly {
  return {
    id: 'a',
    tenant: 'default',
    service: 'checkout',
    class: 'collective',
    kind: 'latency',
    openedAt: AT,
    onset: AT,
    updatedAt: AT,
    closedAt: null,
    p: 1e-6,
    score: 1,
    confidence: 0.9,
    evidence: [evidence()],
    contributions: [],
    text: '',
    ...over,
  };
}

describe('numbers for people', () => {
  it.each([
    [1.9123, 's', '1.91 s'],
    [0.0801, 's', '80 ms'],
    [119.7, 'ms', '120 ms'],
    [0.25, 'us', '250 ns'],
    [7.3e6, 'By', '7 MiB'],
    [3.5 * 1024 ** 3, 'By', '3.5 GiB'],
    [2048, 'By/s', '2 KiB/s'],
    [41.7, '%', '42 %'],
    [1234.5, '{request}/s', '1.23k /s'],
    [3, '1/s', '3 /s'],
    [3.1, '{cpu}', '3.1 cores'],
    [12, '{thread}', '12 thread'],
    [0, 's', '0 s'],
    [Number.NaN, 's', 'unknown'],
    [999_999, '1', '1M'],
    [-0.5, 's', '-500 ms'],
  ])('%s %s reads %s', (value, unit, text) => expect(formatValue(value, unit)).toBe(text));

  it('reads ratios as percent', () => {
    expect(formatValue(0.034, '1', 'system.cpu.utilization')).toBe('3.4 %');
    expect(formatValue(3.4, '1', 'queue.length')).toBe('3.4');
  });

  it('says the unit of a range once', () => {
    expect(formatRange(80, 120, 'ms')).toBe('80 to 120 ms');
    expect(formatRange(0.9, 1.2, 's')).toBe('900 ms to 1.2 s');
    expect(formatRange(5, 5, '1')).toBe('5');
    expect(formatRange(Number.NaN, 5, '1')).toBe('');
  });

  it('shortens lists and spans', () => {
    expect(listOf(['a', 'b', 'c', 'd'])).toBe('a, b and 2 more');
    expect(listOf(['a', 'b'])).toBe('a and b');
    expect(formatSpan(40_000)).toBe('40 s');
    expect(formatSpan(130_000)).toBe('2 min');
    expect(formatBytes(1023)).toBe('1.02k B');
    expect(formatNumber(1e-7)).toBe('1.0e-7');
  });
});

describe('sentences', () => {
  it('says what, how much and what was usual', () => {
    expect(evidenceText(evidence())).toBe('p99 of POST /pay 1.91 s (usually 80 to 120 ms)');
    const cpu = evidence({
      metric: 'container.cpu.usage',
      unit: '{cpu}',
      instance: 'carts-1',
      kind: 'level-shift',
      value: 3.1,
      lower: 0.4,
      upper: 0.7,
    });
    const { subject: _, ...plain } = cpu;
    expect(evidenceText(plain)).toBe('container.cpu.usage on carts-1 3.1 cores (usually 0.4 to 0.7 cores)');
  });

  it('has a sentence without holes for every kind', () => {
    for (const kind of Object.keys(CLASS_OF) as AnomalyKind[]) {
      for (const e of [
        evidence({ kind }),
        evidence({ kind, modality: 'log', expected: Number.NaN, lower: Number.NaN, upper: Number.NaN }),
      ]) {
        const text = evidenceText(e);
        expect(text.length).toBeGreaterThan(8);
        expect(text).not.toMatch(/undefined|NaN|\( |usually \)/);
      }
    }
  });

  it('tells the story of an incident', () => {
    const story = {
      anomalies: [anomaly(), anomaly({ service: 'payments', p: 1e-5 })],
      services: ['payments', 'checkout'],
      onset: AT,
      causes: [
        {
          service: 'payments',
          share: 0.9,
          onset: AT,
          reasons: [
            { kind: 'self-time' as const, text: 'its own time rose from 12 ms to 1.8 s', weight: 0.8 },
            { kind: 'deploy' as const, text: '1.4.2 was deployed 2 min before', weight: 0.2 },
          ],
        },
      ],
      deploys: [{ service: 'payments', from: '1.4.1', to: '1.4.2', at: AT - 2 * MINUTE }],
    };
    expect(anomalyText(anomaly())).toBe('checkout is slow since 14:03: p99 of POST /pay 1.91 s (usually 80 to 120 ms)');
    expect(incidentTitle(story)).toBe('payments is slow, checkout affected');
    expect(incidentSummary(story)).toBe(
      'checkout is slow since 14:03: p99 of POST /pay 1.91 s (usually 80 to 120 ms); likely cause: payments, its own time rose from 12 ms to 1.8 s; payments deployed 1.4.2 2 min earlier.',
    );
  });

  it('has words for an incident without evidence or causes', () => {
    const bare = {
      anomalies: [anomaly({ evidence: [], kind: 'spike' })],
      services: ['checkout'],
      onset: AT,
      causes: [],
      deploys: [],
    };
    expect(incidentTitle(bare)).toBe('checkout behaves unusually');
    expect(incidentSummary(bare)).toContain('slightly unusual at once');
    expect(incidentTitle({ ...bare, anomalies: [] })).toBe('Unusual behaviour');
  });
});
