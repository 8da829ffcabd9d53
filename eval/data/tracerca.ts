import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sender, SpanRecord } from '../send/otlp-encode.ts';
import { readBytes } from './csv.ts';
import { requireFolder } from './metric-sets.ts';
import type { Fault, MultimodalSet } from './multimodal.ts';

/** Source, target, start us, latency us, HTTP status (0: no answer). */
export type Invocation = readonly [string, string, number, number, number];

interface Period {
  readonly period: string;
  readonly root_cause_services: readonly string[];
  readonly fault_type: string;
  readonly start_us: number;
  readonly end_us: number;
}

/** Set to the trace's own time: the hosts' clocks disagree by minutes. */
export interface TracePeriod {
  readonly name: string;
  readonly fault: Fault;
  readonly from: number;
  readonly until: number;
  readonly traces: readonly { readonly id: string; readonly at: number; readonly invocations: readonly Invocation[] }[];
}

/** The 56 fault periods in time order. A period's faulty service is the label; everything else is traffic. */
export function readTraceRca(dataDir: string): TracePeriod[] {
  const folder = requireFolder(join(dataDir, 'traces/tracerca'));
  const periods = JSON.parse(readFileSync(requireFolder(join(folder, 'periods.json')), 'utf8')) as Period[];
  return periods
    .sort((a, b) => a.start_us - b.start_us)
    .map((period) => {
      const lines = readBytes(join(folder, 'traces', `${period.period}.jsonl.gz`))
        .toString()
        .trim()
        .split('\n');
      const traces = lines.map((line) => {
        const { id, inv } = JSON.parse(line) as { id: string; inv: Invocation[] };
        return { id, at: Math.min(...inv.map((i) => i[2])) / 1000, invocations: inv };
      });
      traces.sort((a, b) => a.at - b.at);
      const from = period.start_us / 1000;
      const until = period.end_us / 1000;
      return {
        name: period.period,
        fault: { at: from, until: until + 60_000, service: period.root_cause_services[0]!, type: period.fault_type },
        from,
        until,
        traces,
      };
    });
}

/** A client span in the source and a server span in the target per invocation, all at the start of their trace. */
export function asSpans(periods: readonly TracePeriod[]): MultimodalSet {
  const senders = new Map<string, Sender>();
  const sender = (service: string): Sender => {
    let known = senders.get(service);
    if (known === undefined) {
      known = { service, pod: '', host: '' };
      senders.set(service, known);
    }
    return known;
  };
  const spans: SpanRecord[] = [];
  for (const period of periods) {
    for (const trace of period.traces) {
      trace.invocations.forEach(([source, target, , latency, status], i) => {
        const start = BigInt(Math.round(trace.at * 1000)) * 1000n;
        const end = start + BigInt(Math.round(latency)) * 1000n;
        const error = status === 0 || status >= 500;
        const id = (side: number): string => (i * 2 + side + 1).toString(16).padStart(16, '0');
        const shared = { traceId: trace.id, start, end, error };
        spans.push({ ...shared, sender: sender(source), spanId: id(0), parentId: '', name: `call ${target}`, kind: 3 });
        spans.push({
          ...shared,
          sender: sender(target),
          spanId: id(1),
          parentId: id(0),
          name: `serve ${source}`,
          kind: 2,
        });
      });
    }
  }
  return {
    name: 'tracerca',
    gauges: [],
    spans,
    logs: [],
    faults: periods.map((period) => period.fault),
    quiet: [],
    faulty: periods.map((period) => [period.from, period.until + 60_000] as const),
  };
}
