import { gzipSync } from 'node:zlib';
import { Connection, ServerUnderLoad } from './load.ts';
import { cpuSeconds, movingBodies, reportBar } from './measure.ts';
import { metricsPayloads, PAYLOAD_TIME } from './payload.ts';

/**
 * OTLP over HTTP to scores, with the input log on, as served: our load generator (this process) and the server on the same
 * cores. `node bench/http.ts [series]`; bodies of 1000 points, four keep-alive connections, times and values moving on.
 */
const SERIES = Number(process.argv[2] ?? 100_000);
const CONNECTIONS = 4;
const WARM_PASSES = 12;
const STEP_MS = 10_000;
const SECONDS = 6;
const START = Number(PAYLOAD_TIME / 1_000_000n);

type Bodies = (pass: number, body: number) => Uint8Array;

/** Sends bodies in order, each connection the next one, until `done`. */
async function send(
  connections: readonly Connection[],
  count: number,
  from: number,
  next: Bodies,
  coding: 'identity' | 'gzip',
  done: (sent: number) => boolean,
): Promise<number> {
  let at = from * count;
  let sent = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (!done(sent)) {
        const mine = at++;
        sent++;
        const status = await connection.post(next(Math.floor(mine / count), mine % count), coding);
        if (status !== 200) throw new Error(`status ${status}`);
      }
    }),
  );
  return sent;
}

async function run(coding: 'identity' | 'gzip', bar: string): Promise<void> {
  const moving = movingBodies(metricsPayloads({ series: SERIES }));
  const count = moving.bodies.length;
  const passes = WARM_PASSES + 30;
  // What the sender calls now: event time runs ten seconds a pass, ending at the present, so that nothing is of the future.
  const offset = Date.now() - START - passes * STEP_MS * 20;
  const set = (pass: number, body: number): Uint8Array => {
    moving.set(body, offset + pass * STEP_MS, pass);
    return moving.bodies[body]!;
  };
  // The same bytes must not be sent twice: passes are compressed before, as many as will be needed.
  const packed: Uint8Array[][] = [];
  if (coding === 'gzip') {
    for (let pass = 0; pass < passes; pass++)
      packed.push(Array.from({ length: count }, (_, body) => gzipSync(set(pass, body), { level: 1 })));
  }
  const next: Bodies = coding === 'gzip' ? (pass, body) => packed[pass]![body]! : set;
  const server = await ServerUnderLoad.start();
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => Connection.open(server.port)));
  await send(connections, count, 0, next, coding, (sent) => sent >= WARM_PASSES * count - CONNECTIONS);
  const before = await server.figures();
  const cpu = cpuSeconds();
  const started = performance.now();
  const limit = coding === 'gzip' ? (passes - WARM_PASSES) * count - CONNECTIONS : Number.POSITIVE_INFINITY;
  const sent = await send(
    connections,
    count,
    WARM_PASSES,
    next,
    coding,
    (n) => n >= limit || performance.now() - started > SECONDS * 1000,
  );
  const wall = (performance.now() - started) / 1000;
  const after = await server.figures();
  for (const connection of connections) connection.close();
  await server.stop();
  const points = sent * 1000;
  const perCpu = points / (after.cpu - before.cpu) / 1e6;
  const rate = points / wall / 1e6;
  console.log(
    `${coding}: ${rate.toFixed(2)} M points/s wall, ${perCpu.toFixed(2)} M points per CPU second of the server (${(((after.cpu - before.cpu) / sent) * 1e6).toFixed(0)} us a request), ` +
      `generator ${((cpuSeconds() - cpu) / wall).toFixed(2)} CPUs, ${after.series} series, ${after.refused} refused, answer p50 ${after.p50.toFixed(2)} ms, p99 ${after.p99.toFixed(2)} ms`,
  );
  reportBar(bar, rate, `${perCpu.toFixed(2)} M points per CPU second of the server`);
}

await run('identity', 'http-plain');
if (process.env['PLAIN'] === undefined) await run('gzip', 'http-gzip');
process.exit(0);
