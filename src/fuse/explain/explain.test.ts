import { describe, expect, it } from 'vitest';
import type { Anomaly, AnomalyKind, Evidence } from '../../domain/anomaly.ts';
import { CLASS_OF } from '../../domain/anomaly.ts';
import { MINUTE } from '../../domain/units.ts';
import { evidenceText, signalName } from './explain.ts';
import { formatBytes, formatNumber, formatRange, formatSpan, formatValue, listOf } from './format.ts';
import { isGoodNews } from './signal-names.ts';
import { stateWords } from './state.ts';
import { anomalyText, incidentSummary, incidentTitle } from './story.ts';

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

describe('names that people use', () => {
  it.each([
    [
      'http.server.request.duration.p99',
      { 'http.route': '/checkout', 'http.request.method': 'POST' },
      'p99 of POST /checkout',
    ],
    ['http.server.request.duration.mean', { 'http.route': 'PlaceOrder' }, 'mean time of PlaceOrder'],
    ['http.server.request.duration.rate', { 'http.route': 'GET /' }, 'requests/s of GET /'],
    [
      'http.server.request.duration.rate',
      { 'http.route': 'GET /', 'http.response.status_code': '500' },
      '500 answers/s of GET /',
    ],
    ['http_request_duration_seconds', { quantile: '0.999', handler: '/cart' }, 'p999 of /cart'],
    ['span.p99', { operation: 'Charge' }, 'p99 of Charge'],
    ['span.rate', { operation: 'Charge' }, 'requests/s of Charge'],
    ['span.error_ratio', { operation: 'Charge' }, 'failed calls of Charge'],
    ['span.self_time', { operation: 'Charge' }, 'own time p99 of Charge'],
    ['edge.server_time', { caller: 'checkout' }, 'time for checkout'],
    ['container.cpu.usage', { 'k8s.deployment.name': 'a' }, 'CPU'],
    ['process_cpu_seconds_total', {}, 'CPU'],
    ['container.memory.working_set', {}, 'memory'],
    ['jvm.memory.used', {}, 'heap'],
    ['http.server.active_requests', {}, 'requests in flight'],
    ['orders_placed_total', {}, 'orders placed'],
    ['queue.depth', {}, 'queue'],
  ] as const)('%s %j is %s', (metric, labels, name) => {
    const { subject: _, ...plain } = evidence({ metric, labels, modality: 'metric' });
    expect(signalName(plain)).toBe(name);
  });

  it('names log rates', () => {
    const { subject: _, ...plain } = evidence({
      metric: 'log.rate',
      modality: 'log',
      unit: '1/s',
      kind: 'spike',
      value: 4,
    });
    expect(evidenceText(plain)).toBe('log lines/s 4, usually 80 to 120');
  });

  it('knows good news', () => {
    const failing = { metric: 'span.error_ratio', labels: {}, expected: 0.02 };
    expect(isGoodNews({ ...failing, kind: 'zero', value: 0 })).toBe(true);
    expect(isGoodNews({ ...failing, kind: 'spike', value: 0.3 })).toBe(false);
    expect(isGoodNews({ ...failing, metric: 'span.rate', kind: 'zero', value: 0 })).toBe(false);
  });
});

describe('what a service does', () => {
  const cpu = (value: number) =>
    evidence({
      metric: 'container.cpu.usage',
      modality: 'metric',
      kind: 'spike',
      unit: '{cpu}',
      value,
      expected: 0.5,
      lower: 0.4,
      upper: 0.6,
    });
  const p99 = evidence({ kind: 'spike', metric: 'span.p99' });
  const fewer = evidence({
    kind: 'zero',
    metric: 'span.error_ratio',
    unit: '1',
    value: 0,
    expected: 0.01,
    lower: 0,
    upper: 0.02,
  });

  it('is told by what dominates', () => {
    expect(stateWords('spike', [p99, { ...cpu(0.65), p: 1e-3 }])).toBe('is slow');
    expect(stateWords('spike', [p99, cpu(3), { ...cpu(3), metric: 'container.memory.working_set' }])).toBe(
      'is saturated',
    );
    expect(
      stateWords('spike', [
        p99,
        { ...p99, metric: 'span.error_ratio', unit: '1', value: 0.4, expected: 0.01, lower: 0, upper: 0.02 },
      ]),
    ).toBe('is failing');
    expect(stateWords('spike', [p99, evidence({ kind: 'target-silent' })])).toBe('is silent');
    expect(stateWords('zero', [fewer])).toBe('behaves unusually');
    expect(stateWords('dip', [{ ...p99, value: 1 }])).toBe('behaves unusually');
  });
});

describe('sentences', () => {
  it('says what, how much and what was usual', () => {
    expect(evidenceText(evidence())).toBe('p99 of POST /pay 1.91 s, usually 80 to 120 ms');
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
    expect(evidenceText(plain)).toBe('CPU 3.1 cores, usually 0.4 to 0.7 cores');
  });

  it('speaks of swings only inside the band', () => {
    expect(evidenceText(evidence({ kind: 'oscillation' }))).toBe('p99 of POST /pay 1.91 s, usually 80 to 120 ms');
    expect(evidenceText(evidence({ kind: 'oscillation', value: 100 }))).toContain('swings unusually');
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
    expect(anomalyText(anomaly())).toBe(
      'checkout is slow since 14:03 UTC: p99 of POST /pay 1.91 s, usually 80 to 120 ms',
    );
    expect(incidentTitle(story)).toBe('payments is slow, checkout affected');
    expect(incidentSummary(story)).toBe(
      'payments is slow since 14:03 UTC: p99 of POST /pay 1.91 s, usually 80 to 120 ms; 1.4.2 was deployed 2 min before; its own time rose from 12 ms to 1.8 s. checkout is affected.',
    );
  });

  it('leads with the cause, says one fact a service, names no pod, and stays short', () => {
    const pods = ['payments-1e655959fc-b75efa', 'payments-1e655959fc-3ff7a0'];
    const own = pods.flatMap((instance) =>
      ['p50', 'p99', 'mean'].map((part) =>
        evidence({
          service: 'payments',
          instance,
          subject: 'Charge',
          metric: `http.server.request.duration.${part}`,
          kind: 'spike',
          value: 336,
          lower: 20,
          upper: 67,
        }),
      ),
    );
    const reasons = [
      { kind: 'self-time' as const, text: 'its own time rose from 35 ms to 282 ms', weight: 0.4 },
      { kind: 'metric-change' as const, text: 'p99 of Charge 336 ms', weight: 0.3 },
      { kind: 'topology' as const, text: 'the calls of the 2 other affected services lead to payments', weight: 0.2 },
      {
        kind: 'log-pattern' as const,
        text: '4 lines in 10 s, usually 1, in payments: "charged card ending <*>"',
        weight: 0.1,
      },
    ];
    const story = {
      anomalies: [
        anomaly(),
        anomaly({ service: 'payments', evidence: own, p: 1e-4 }),
        anomaly({ service: 'frontend' }),
      ],
      services: ['checkout', 'payments', 'frontend'],
      onset: AT,
      causes: [{ service: 'payments', share: 0.6, onset: AT, reasons }],
      deploys: [],
    };
    expect(incidentSummary(story)).toBe(
      'payments is slow since 14:03 UTC: p99 of Charge 336 ms, usually 20 to 67 ms; its own time rose from 35 ms to 282 ms. checkout and frontend wait for it.',
    );
    const long = story.anomalies.map((a) => ({
      ...a,
      evidence: a.evidence.map((e) => ({ ...e, text: 'x'.repeat(400) })),
    }));
    expect(incidentSummary({ ...story, anomalies: long }).length).toBeLessThanOrEqual(240);
  });

  it('names the pod when only one of several is strange', () => {
    const e = evidence({ instance: 'carts-2', labels: { replica: '1' } });
    expect(anomalyText(anomaly({ evidence: [e] }))).toContain('(only on carts-2)');
    expect(anomalyText(anomaly({ evidence: [e, { ...e, instance: 'carts-1', labels: {} }] }))).not.toContain('carts-');
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
