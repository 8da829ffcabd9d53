/** What can go wrong in the demo, as changes to the shop while a fault is on. */
export type FaultKind = 'latency' | 'errors' | 'saturation' | 'silence' | 'bad-deploy';

export interface Fault {
  readonly kind: FaultKind;
  readonly service: string;
  readonly from: number;
  readonly to: number;
  readonly title: string;
}

interface Plan {
  readonly kind: FaultKind;
  readonly service: string;
  readonly minutes: number;
  readonly title: string;
}

const PLANS: readonly Plan[] = [
  { kind: 'latency', service: 'payments', minutes: 4, title: 'payments: its own time rises sevenfold' },
  { kind: 'errors', service: 'catalog', minutes: 4, title: 'catalog: a third of the reads fail, with new log lines' },
  {
    kind: 'bad-deploy',
    service: 'checkout',
    minutes: 5,
    title: 'checkout 1.10.0 is rolled out and fails, then rolled back',
  },
  { kind: 'saturation', service: 'search', minutes: 6, title: 'search: CPU and memory climb until queries crawl' },
  { kind: 'silence', service: 'shipping', minutes: 4, title: 'shipping: stops sending anything' },
];

const MINUTE = 60_000;
/** The first fault comes soon after going live, the others after this pause: time to recover and to watch. */
const PAUSE = 7 * MINUTE;

/** The schedule from `live` on: every kind in turn, for ever. */
export function* faultSchedule(live: number): Generator<Fault> {
  let at = live + 15_000;
  for (let i = 0; ; i++) {
    const plan = PLANS[i % PLANS.length]!;
    const to = at + plan.minutes * MINUTE;
    yield { kind: plan.kind, service: plan.service, from: at, to, title: plan.title };
    at = to + PAUSE;
  }
}

/** How a fault changes a service at a time; neutral when it is another service or time. */
export interface Effect {
  readonly selfTime: number;
  readonly errorRate: number;
  readonly cpu: number;
  readonly memory: number;
  readonly silent: boolean;
  readonly version: string | null;
  readonly errorLogs: readonly string[];
}

const NONE: Effect = { selfTime: 1, errorRate: 0, cpu: 1, memory: 1, silent: false, version: null, errorLogs: [] };

export function effectOf(faults: readonly Fault[], service: string, at: number): Effect {
  const fault = faults.find((candidate) => candidate.service === service && at >= candidate.from && at < candidate.to);
  if (fault === undefined) return NONE;
  const progress = (at - fault.from) / (fault.to - fault.from);
  switch (fault.kind) {
    case 'latency':
      return { ...NONE, selfTime: 7, cpu: 1.2, errorLogs: ['upstream acquirer slow: took {}ms (attempt 2 of 3)'] };
    case 'errors':
      return {
        ...NONE,
        errorRate: 0.33,
        errorLogs: [
          'store read failed: connection reset by peer (10.2.0.{}:5432)',
          'giving up on product {} after 3 attempts',
        ],
      };
    case 'bad-deploy':
      return {
        ...NONE,
        version: '1.10.0',
        errorRate: 0.45,
        selfTime: 1.6,
        errorLogs: [
          'panic recovered: nil map write in totals.go:118, order {}',
          'order {} rejected: unexpected tax region',
        ],
      };
    case 'saturation':
      return {
        ...NONE,
        selfTime: 1 + 9 * progress,
        cpu: 1 + 5 * progress,
        memory: 1 + 1.2 * progress,
        errorRate: 0.12 * progress,
        errorLogs: ['GC pause {}ms, heap {} MB of 2048 MB', 'query queue full, rejected query {}'],
      };
    case 'silence':
      return { ...NONE, silent: true };
  }
}
