// Runs on any Node >= 20 and needs nothing installed: installs the locked dependencies when they are missing or stale,
// then hands over to the Node 24 that the lock file pins (optionalDependencies node-<platform>), so that a bare clone
// needs only the system's node and npm.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const [task = 'start', ...args] = process.argv.slice(2);

/** Runs to the end; on anything but success ends this process the same way. */
async function run(command, commandArgs, extra = {}) {
  const child = spawn(command, commandArgs, { cwd: root, stdio: 'inherit', ...extra });
  // Signals meant for us are meant for it: it ends in its own time, and we with it. It may get one twice (from a terminal
  // and from us), which it must take as one.
  const forward = Object.fromEntries(SIGNALS.map((signal) => [signal, () => child.kill(signal)]));
  for (const signal of SIGNALS) process.on(signal, forward[signal]);
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (...how) => resolve(how));
  });
  for (const name of SIGNALS) process.off(name, forward[name]);
  if (signal !== null) {
    process.kill(process.pid, signal);
    await new Promise(() => setInterval(() => {}, 1_000));
  }
  if (code !== 0) process.exit(code);
}

function fingerprint(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

async function install() {
  const marker = join(root, 'node_modules', '.tocsin-installed');
  const want = fingerprint(['package.json', 'package-lock.json', 'ui/package.json']);
  if (existsSync(marker) && readFileSync(marker, 'utf8') === want) return;
  console.error('tocsin: installing dependencies (npm ci) ...');
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  mkdirSync(dirname(marker), { recursive: true });
  writeFileSync(marker, want);
}

/** The pinned runtime; the running one if it is new enough and no pinned binary exists for this platform. */
function pinnedNode() {
  const binary = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(binary)) return binary;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 15)) return process.execPath;
  console.error(
    `tocsin: no pinned Node for ${process.platform}-${process.arch}; install Node >= 24.15 (found ${process.version})`,
  );
  process.exit(1);
}

await install();
const node = pinnedNode();
// Large pages for columns and state, as in deploy/: a tenth less CPU where accesses are random. No effect without glibc.
const tunables = process.env.GLIBC_TUNABLES ?? 'glibc.malloc.hugetlb=1';
const env = {
  ...process.env,
  GLIBC_TUNABLES: tunables,
  PATH: `${dirname(node)}:${join(root, 'node_modules', '.bin')}:${process.env.PATH}`,
};
const build = () => run(node, ['scripts/build.ts'], { env });

if (task === 'build') await build();
else if (task === 'test') await run(node, ['node_modules/vitest/vitest.mjs', 'run', ...args], { env });
else if (task === 'start') {
  await build();
  await run(node, ['dist/cli.js', 'demo', ...args], { env });
} else {
  console.error(`tocsin: unknown task ${task}; one of start, test, build`);
  process.exit(2);
}
