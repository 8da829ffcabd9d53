import { spawnSync } from 'node:child_process';
import { ProtoWriter } from '../src/ingest/wire/proto-writer.ts';
import { ShardEngine } from '../src/pipeline/engine/shard-engine.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';
import { movingBodies, reportBar } from './measure.ts';
import { metricsBody, PAYLOAD_TIME } from './payload.ts';

/**
 * Memory of a shard with live series, as the difference in resident memory before and after they came, everything
 * included: `node bench/memory.ts [series]`. Runs in a process of its own with the collector exposed.
 */
const SERIES = Number(process.argv[2] ?? 1_000_000);
const PASSES = 4;
const STEP_MS = 10_000;
const START = Number(PAYLOAD_TIME / 1_000_000n);
/** Of 1000 points, 100 are histograms, of which four more series are computed each. */
const ROWS_PER_POINT = 1.4;

if (globalThis.gc === undefined) {
  process.exit(
    spawnSync(process.execPath, ['--expose-gc', import.meta.filename, String(SERIES)], { stdio: 'inherit' }).status ??
      1,
  );
}

function resident(): number {
  for (let k = 0; k < 4; k++) globalThis.gc!();
  return process.memoryUsage().rss;
}

const bodies = Math.round(SERIES / ROWS_PER_POINT / 1000);
const writer = new ProtoWriter();
const settings = settingsSchema.parse({ ingest: { max_series_per_tenant: 2_000_000 } });
function feed(engine: ShardEngine, count: number): void {
  for (let pass = 0; pass < PASSES; pass++) {
    for (let i = 0; i < count; i++) {
      const ms = pass * STEP_MS + (i / count) * STEP_MS * 0.9;
      const moving = movingBodies([metricsBody(writer, i * 1000, 1000)]);
      moving.set(0, ms, pass);
      engine.accept('metrics', 'otlp-protobuf', moving.bodies[0]!, 'default', START + ms + 100);
    }
  }
}

// The program itself, compiled and warm, is not part of the series.
feed(new ShardEngine({ shard: 0, settings, emit: () => undefined }), 3);
const before = resident();
const engine = new ShardEngine({ shard: 0, settings, emit: () => undefined });
feed(engine, bodies);
const after = resident();
const { series, stateBytes } = engine.stats();
const each = (after - before) / series;
console.log(
  `${series} live series: ${each.toFixed(0)} bytes each by resident memory (${((after - before) / 2 ** 20).toFixed(0)} MiB), ${(stateBytes / series).toFixed(0)} by our own account`,
);
for (const [name, { arrays }] of Object.entries(engine.save())) {
  const bytes = Object.values(arrays).reduce((sum, array) => sum + array.byteLength, 0) / series;
  if (bytes >= 1) console.log(`  ${bytes.toFixed(0).padStart(5)} B  ${name}`);
}
reportBar('memory', each);
