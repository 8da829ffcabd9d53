import { Session } from 'node:inspector/promises';
import { pathToFileURL } from 'node:url';
import protobuf from 'protobufjs';
import type { StateArray, StateBlob } from '../src/domain/detector.ts';
import { OTLP_PROTO } from '../src/ingest/otlp/otlp.fixture.ts';
import { ShardEngine } from '../src/pipeline/engine/shard-engine.ts';
import { type Settings, settingsSchema } from '../src/pipeline/settings.ts';
import { cpuSeconds, median, movingBodies, reportBar } from './measure.ts';
import { metricsPayloads, PAYLOAD_TIME } from './payload.ts';

/**
 * OTLP bytes to p-values through the whole shard engine, by CPU time: `node bench/pipeline.ts [series ...]`. Times and
 * values move on with every pass. Detectors are brought to their steady state on one body and copied to all rows, so that no
 * young series is measured. Against protobufjs, a sorted label key, a Map and an EWMA, in the same run. `PROFILE=1`
 * prints where the time goes, by source file.
 */
const STEP_MS = 10_000;
const WARM_PASSES = 1200;
const START_MS = Number(PAYLOAD_TIME / 1_000_000n);
/** Rows that a body of 1000 points takes: 900 numbers, 100 histograms and what is computed from them. */
const ROWS_PER_POINT = 1.4;

const settings: Settings = settingsSchema.parse({ ingest: { max_series_per_tenant: 2_000_000 } });

function newEngine(): ShardEngine {
  return new ShardEngine({ shard: 0, settings, emit: () => undefined });
}

function pass(engine: ShardEngine, moving: ReturnType<typeof movingBodies>, number: number): number {
  let spent = 0;
  for (let i = 0; i < moving.bodies.length; i++) {
    // Spread over the step, as exporters are.
    const ms = number * STEP_MS + (i / moving.bodies.length) * STEP_MS * 0.9;
    moving.set(i, ms, number);
    const before = cpuSeconds();
    engine.accept('metrics', 'otlp-protobuf', moving.bodies[i]!, 'default', START_MS + ms + 100);
    spent += cpuSeconds() - before;
  }
  return spent;
}

/** Copies the learnt rows of a warm engine of one body over the rows of a larger one, body by body. */
function warmUp(
  parts: Record<string, StateBlob>,
  warm: Record<string, StateBlob>,
  used: number,
  points: number,
  computed: number,
): Record<string, StateBlob> {
  const out: Record<string, StateBlob> = { ...parts };
  for (const [name, part] of Object.entries(parts)) {
    if (!name.startsWith('detect.') && !name.startsWith('fuse.')) continue;
    const arrays: Record<string, StateArray> = { ...part.arrays };
    const from = warm[name]!.arrays['rows'] as Uint8Array;
    const to = (arrays['rows'] as Uint8Array).slice();
    const meta = part.meta as { width?: number; rows?: { width: number } };
    const bytes = (meta.width ?? meta.rows!.width) * 4;
    for (let row = 0; row < used; row++) {
      // Computed series are registered in the second pass, behind all others.
      const source = row < points ? row % 1000 : 1000 + ((row - points) % computed);
      to.set(from.subarray(source * bytes, (source + 1) * bytes), row * bytes);
    }
    arrays['rows'] = to;
    out[name] = { ...part, arrays };
  }
  // Series are told to the store once, 20,000 a tick: done with, as it is an hour after a start.
  const engine = out['engine']!;
  const described = (parts['series']!.arrays['live'] as Uint8Array).slice();
  out['engine'] = { ...engine, arrays: { ...engine.arrays, described } };
  return out;
}

function warmEngine(moving: ReturnType<typeof movingBodies>): { engine: ShardEngine; next: number } {
  const small = newEngine();
  const one = movingBodies(metricsPayloads({ series: 1000 }));
  for (let number = 0; number < WARM_PASSES; number++) pass(small, one, number);
  const large = newEngine();
  for (let number = WARM_PASSES; number < WARM_PASSES + 2; number++) pass(large, moving, number);
  const parts = large.save();
  const engine = newEngine();
  engine.restore(warmUp(parts, small.save(), large.stats().series, moving.points, small.stats().series - 1000));
  return { engine, next: WARM_PASSES + 2 };
}

const Request = protobuf.parse(OTLP_PROTO).root.lookupType('otlp.ExportMetricsServiceRequest');
interface Attributes {
  attributes: { key: string; value: Record<string, unknown> }[];
}
interface Decoded {
  resourceMetrics: {
    resource: Attributes;
    scopeMetrics: {
      metrics: (Record<string, { dataPoints: (Attributes & Record<string, number>)[] }> & { name: string })[];
    }[];
  }[];
}
interface Ewma {
  level: number;
  deviation: number;
}

/** What a pipeline written without much thought does, with one detector instead of ten. */
function libraryScore(body: Uint8Array, states: Map<string, Ewma>): number {
  const request = Request.decode(body) as unknown as Decoded;
  let items = 0;
  for (const group of request.resourceMetrics) {
    const resource = labelsOf(group.resource);
    for (const scope of group.scopeMetrics) {
      for (const metric of scope.metrics) {
        const data = metric['gauge'] ?? metric['sum'] ?? metric['histogram'];
        for (const point of data?.dataPoints ?? []) {
          const key = `${resource}|${metric.name}|${labelsOf(point)}`;
          const value = Number(point['asDouble'] ?? point['asInt'] ?? point['sum'] ?? 0);
          let state = states.get(key);
          if (state === undefined) {
            state = { level: value, deviation: 1 };
            states.set(key, state);
          }
          const score = Math.abs(value - state.level) / (state.deviation + 1e-9);
          state.level += 0.02 * (value - state.level);
          state.deviation += 0.001 * (Math.abs(value - state.level) - state.deviation);
          if (score >= 0) items++;
        }
      }
    }
  }
  return items;
}

function labelsOf({ attributes }: Attributes): string {
  return attributes
    .map(({ key, value }) => `${key}=${String(value['stringValue'] ?? value['intValue'])}`)
    .sort()
    .join(',');
}

async function profile(run: () => void, points: number, seconds: number): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
  run();
  const { profile: taken } = await session.post('Profiler.stop');
  session.disconnect();
  const root = pathToFileURL(`${import.meta.dirname}/../`).href;
  const self = new Map<string, number>();
  let total = 0;
  for (const node of taken.nodes) {
    const url = node.callFrame.url.startsWith(root)
      ? node.callFrame.url.slice(root.length)
      : node.callFrame.functionName;
    // Moving the payload on is ours, not the pipeline's.
    if (
      url === 'bench/measure.ts' ||
      url === 'bench/pipeline.ts' ||
      url === 'cpuUsage' ||
      url === 'node:internal/process/per_thread'
    )
      continue;
    self.set(url, (self.get(url) ?? 0) + (node.hitCount ?? 0));
    total += node.hitCount ?? 0;
  }
  const rows = [...self].sort((a, b) => b[1] - a[1]).slice(0, 24);
  for (const [url, hits] of rows)
    console.log(`  ${(((hits / total) * seconds * 1e9) / points).toFixed(1).padStart(6)} ns  ${url}`);
}

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10_000, 100_000, 1_000_000];
const libraryBodies = metricsPayloads({ series: 20_000 });
for (const size of sizes) {
  const points = Math.floor(size / ROWS_PER_POINT / 1000) * 1000;
  const moving = movingBodies(metricsPayloads({ series: points }));
  let { engine, next } = warmEngine(moving);
  const passes = Math.max(4, Math.min(40, Math.floor(6_000_000 / points)));
  for (let k = 0; k < Math.max(1, passes >> 3); k++) pass(engine, moving, next++);
  const spent: number[] = [];
  for (let k = 0; k < passes; k++) spent.push(pass(engine, moving, next++) / moving.points);
  const perPoint = median(spent);
  const states = new Map<string, Ewma>();
  const library = median(
    [0, 1, 2].map(() => {
      const before = cpuSeconds();
      const items = libraryBodies.reduce((sum, body) => sum + libraryScore(body, states), 0);
      return items / (cpuSeconds() - before);
    }),
  );
  const rate = 1 / perPoint;
  const { series, points: scored } = engine.stats();
  console.log(
    `${series} series, ${moving.points} points a pass: ${(perPoint * 1e9).toFixed(0)} ns/point, ${(rate / 1e6).toFixed(2)} M points/s/core ` +
      `(best pass ${(1e-6 / Math.min(...spent)).toFixed(2)}); library with one EWMA ${(library / 1e6).toFixed(3)}, ratio ${(rate / library).toFixed(0)}; scored ${scored}`,
  );
  if (series > 900_000) {
    reportBar('bytes-to-p', rate / 1e6);
    reportBar('library-ratio', rate / library);
  }
  if (process.env['PROFILE'] !== undefined) {
    let inside = 0;
    await profile(
      () => {
        for (let k = 0; k < Math.max(2, passes >> 2); k++) inside += pass(engine, moving, next++);
      },
      moving.points * Math.max(2, passes >> 2),
      perPoint * moving.points * Math.max(2, passes >> 2),
    );
    void inside;
  }
}
