import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lock } from './artifacts.ts';
import { ENGINES, type EngineName, portsFrom, servicesOf } from './engines.ts';
import { Processes } from './processes.ts';

/**
 * The real engines on this machine, on loopback: `node scripts/cluster/main.ts up [kafka registry postgres flink]`, `status`,
 * `down [--wipe]`, `kill PROCESS` (for tests of faults), `lock`. Where they are is written to `cluster.json` in the folder that `up` prints; tests read it.
 * The folder is not below a home: PostgreSQL runs as a user of its own. TOCSIN_CLUSTER_DIR and TOCSIN_CLUSTER_PORT (first of seven ports) move it.
 */
const folder = process.env['TOCSIN_CLUSTER_DIR'] ?? join(tmpdir(), `tocsin-cluster-${process.getuid?.() ?? 0}`);
const ports = portsFrom(Number(process.env['TOCSIN_CLUSTER_PORT'] ?? 39_092));
const processes = new Processes(join(folder, 'processes'));
const NAMES = ['flink-gateway', 'flink-taskmanager', 'flink-jobmanager', 'registry', 'kafka', 'postgres'];

const [command = 'status', ...rest] = process.argv.slice(2);
const wanted = rest.filter((word) => !word.startsWith('--'));
const known: readonly string[] = command === 'kill' ? NAMES : ENGINES;
const wrong = wanted.filter((word) => !known.includes(word));
if (wrong.length > 0) fail(`unknown ${wrong.join(', ')}; there are: ${known.join(', ')}`);

switch (command) {
  case 'up':
    await up(wanted.length > 0 ? (wanted as EngineName[]) : [...ENGINES]);
    break;
  case 'down':
    await down(rest.includes('--wipe'));
    break;
  case 'status':
    for (const name of NAMES) console.log(`${name.padEnd(18)} ${processes.pid(name) ?? 'down'}`);
    break;
  case 'kill':
    for (const name of wanted) await processes.stop(name, 'SIGKILL');
    break;
  case 'lock':
    lock();
    break;
  default:
    fail(`unknown command ${command}; there are: up, down, status, kill, lock`);
}

async function up(engines: readonly EngineName[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'cluster.json');
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as object) : {};
  for (const engine of engines) {
    const from = Date.now();
    for (const service of servicesOf(engine, folder, ports)) await processes.start(service);
    console.log(`${engine} is up (${((Date.now() - from) / 1_000).toFixed(1)} s)`);
  }
  const urls: Record<EngineName, object> = {
    kafka: { kafka: `127.0.0.1:${ports.kafka}` },
    registry: { registry: `http://127.0.0.1:${ports.registry}/apis/ccompat/v7` },
    postgres: { postgres: `postgres://tocsin@127.0.0.1:${ports.postgres}/postgres` },
    flink: { flink: `http://127.0.0.1:${ports.flink}`, gateway: `http://127.0.0.1:${ports.gateway}` },
  };
  writeFileSync(file, `${JSON.stringify(Object.assign(before, ...engines.map((engine) => urls[engine])), null, 2)}\n`);
  console.log(`addresses: ${file}`);
}

async function down(wipe: boolean): Promise<void> {
  for (const name of NAMES)
    if (await processes.stop(name, name === 'postgres' ? 'SIGINT' : 'SIGTERM')) console.log(`${name} is down`);
  rmSync(join(folder, 'cluster.json'), { force: true });
  if (wipe) rmSync(folder, { recursive: true, force: true });
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
