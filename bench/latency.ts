import { Connection, ServerUnderLoad } from './load.ts';
import { movingBodies, quantile, reportBar } from './measure.ts';
import { metricsPayloads, PAYLOAD_TIME } from './payload.ts';

/**
 * Time from a request's headers to its answer, when its scores are done, at a fixed rate through HTTP on loopback:
 * `node bench/latency.ts [requests per second] [seconds]`; 1000 points a request, 100,000 series, open loop.
 */
const RATE = Number(process.argv[2] ?? 1000);
const SECONDS = Number(process.argv[3] ?? 10);
const SERIES = 100_000;
const CONNECTIONS = 8;
const WARM_PASSES = 12;
const STEP_MS = 10_000;
const START = Number(PAYLOAD_TIME / 1_000_000n);

const moving = movingBodies(metricsPayloads({ series: SERIES }));
const count = moving.bodies.length;
const offset = Date.now() - START - (WARM_PASSES + (RATE * SECONDS) / count) * STEP_MS - 3_600_000;
const server = await ServerUnderLoad.start();
const idle = await Promise.all(Array.from({ length: CONNECTIONS }, () => Connection.open(server.port)));
let at = 0;
const roundTrips: number[] = [];

function nextBody(): Uint8Array {
  const body = at % count;
  const pass = Math.floor(at++ / count);
  moving.set(body, offset + pass * STEP_MS, pass);
  return moving.bodies[body]!;
}

for (; at < WARM_PASSES * count; ) await idle[0]!.post(nextBody(), 'identity');
await server.figures();

const started = performance.now();
const pending: Promise<void>[] = [];
let sent = 0;
let skipped = 0;
while (performance.now() - started < SECONDS * 1000) {
  const due = Math.floor(((performance.now() - started) / 1000) * RATE);
  while (sent < due) {
    sent++;
    const connection = idle.pop();
    if (connection === undefined) {
      // All connections wait for answers: the server (or this process) is behind.
      skipped++;
      continue;
    }
    const from = performance.now();
    pending.push(
      connection.post(nextBody(), 'identity').then(() => {
        roundTrips.push(performance.now() - from);
        idle.push(connection);
      }),
    );
  }
  await new Promise((resolve) => setImmediate(resolve));
}
await Promise.all(pending);
const figures = await server.figures();
await server.stop();
const done = ((sent - skipped) * 1000) / SECONDS / 1e6;
console.log(
  `${done.toFixed(2)} M points/s of ${(RATE / 1000).toFixed(2)} asked: receipt to score p50 ${figures.p50.toFixed(2)} ms, p99 ${figures.p99.toFixed(2)} ms; ` +
    `round trip p50 ${quantile(roundTrips, 0.5).toFixed(2)} ms, p99 ${quantile(roundTrips, 0.99).toFixed(2)} ms`,
);
reportBar('latency-p99', figures.p99, `at ${done.toFixed(2)} M points/s, p50 ${figures.p50.toFixed(2)} ms`);
process.exit(0);
