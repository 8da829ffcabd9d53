import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEPLOY, resolve } from './artifacts.ts';
import { answers, listens, type Service } from './processes.ts';

/** Everything listens on loopback, on ports of its own: a user's own engines are not in the way. */
export interface Ports {
  readonly kafka: number;
  readonly controller: number;
  readonly registry: number;
  readonly postgres: number;
  readonly flink: number;
  readonly flinkRpc: number;
  readonly gateway: number;
}

export function portsFrom(base: number): Ports {
  return {
    kafka: base,
    controller: base + 1,
    registry: base + 2,
    postgres: base + 3,
    flink: base + 4,
    flinkRpc: base + 5,
    gateway: base + 6,
  };
}

export const ENGINES = ['kafka', 'registry', 'postgres', 'flink'] as const;
export type EngineName = (typeof ENGINES)[number];

/** The processes of an engine, in the order in which to start them; makes what they need on disk first. */
export function servicesOf(engine: EngineName, folder: string, ports: Ports): Service[] {
  switch (engine) {
    case 'kafka':
      return [kafka(join(folder, 'kafka'), ports)];
    case 'registry':
      return [registry(join(folder, 'registry'), ports)];
    case 'postgres':
      return [postgres(join(folder, 'postgres'), ports)];
    case 'flink':
      return flink(join(folder, 'flink'), ports);
  }
}

function kafka(folder: string, ports: Ports): Service {
  const libs = join(resolve('kafka'), 'libs', '*');
  const properties = join(folder, 'server.properties');
  mkdirSync(folder, { recursive: true });
  const template = readFileSync(join(DEPLOY, 'kafka.properties'), 'utf8');
  writeFileSync(
    properties,
    template
      .replaceAll('{kafka}', String(ports.kafka))
      .replaceAll('{controller}', String(ports.controller))
      .replaceAll('{data}', join(folder, 'data')),
  );
  if (!existsSync(join(folder, 'data', 'meta.properties'))) {
    const tool = (...parameters: string[]): string =>
      execFileSync('java', ['-cp', libs, 'kafka.tools.StorageTool', ...parameters], {
        stdio: ['ignore', 'pipe', 'ignore'],
      }).toString();
    const id = tool('random-uuid').trim().split('\n').at(-1)!;
    tool('format', '--standalone', '-t', id, '-c', properties, '--ignore-formatted');
  }
  return {
    name: 'kafka',
    command: 'java',
    parameters: [
      '-Xms256m',
      '-Xmx512m',
      '-XX:+UseG1GC',
      '-XX:MaxGCPauseMillis=20',
      `-Dlog4j2.configurationFile=${join(DEPLOY, 'kafka-log.properties')}`,
      '-cp',
      libs,
      'kafka.Kafka',
      properties,
    ],
    cwd: folder,
    healthy: () => listens(ports.kafka),
  };
}

function registry(folder: string, ports: Ports): Service {
  const home = resolve('registry');
  mkdirSync(folder, { recursive: true });
  return {
    name: 'registry',
    command: 'java',
    parameters: ['-Xmx384m', '-jar', join(home, readdirSync(home).find((name) => name.endsWith('-runner.jar'))!)],
    env: {
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: String(ports.registry),
    },
    cwd: folder,
    healthy: () => answers(`http://127.0.0.1:${ports.registry}/apis/ccompat/v7/subjects`),
  };
}

/** PostgreSQL does not run as root: as root it gets the user that Debian's package made. */
function postgres(folder: string, ports: Ports): Service {
  const root = '/usr/lib/postgresql';
  const version = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  if (version === undefined) throw new Error(`PostgreSQL is not installed (Debian: apt-get install postgresql)`);
  const bin = join(root, version, 'bin');
  const user = process.getuid?.() === 0 ? account('postgres') : undefined;
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true });
  if (user !== undefined) {
    for (const path of [folder, data]) chownSync(path, user.uid, user.gid);
    chmodSync(data, 0o700);
  }
  if (!existsSync(join(data, 'PG_VERSION')))
    execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'tocsin', '-A', 'trust', '-E', 'UTF8', '--locale=C'], {
      cwd: folder,
      stdio: 'ignore',
      ...user,
    });
  return {
    name: 'postgres',
    command: join(bin, 'postgres'),
    parameters: ['-D', data, '-p', String(ports.postgres), '-h', '127.0.0.1', '-k', folder],
    cwd: folder,
    ...(user === undefined ? {} : { user }),
    healthy: async () => {
      execFileSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(ports.postgres), '-q'], {
        stdio: 'ignore',
      });
      return true;
    },
    // Fast shutdown: does not wait for clients to leave.
    stopSignal: 'SIGINT',
  };
}

function account(name: string): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`no user ${name} on this machine, and PostgreSQL refuses to run as root`);
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

function flink(folder: string, ports: Ports): Service[] {
  const home = join(resolve('flink'), 'dist', 'pyflink');
  const conf = join(folder, 'conf');
  mkdirSync(conf, { recursive: true });
  const released = readFileSync(join(home, 'conf', 'config.yaml'), 'utf8');
  writeFileSync(
    join(conf, 'config.yaml'),
    readFileSync(join(DEPLOY, 'flink.yaml'), 'utf8')
      .replaceAll('{flink}', String(ports.flink))
      .replaceAll('{rpc}', String(ports.flinkRpc))
      .replaceAll('{gateway}', String(ports.gateway))
      .replaceAll('{data}', folder),
  );
  // What Java 17 must open to Flink is written in its own release.
  const opens = [...new Set(released.match(/--add-(?:exports|opens)=\S+?(?=["'\s]|$)/g) ?? [])];
  const jars = [...own(), ...readdirSync(join(home, 'lib')).map((jar) => join(home, 'lib', jar))];
  const classPath = [
    ...jars.filter((jar) => !jar.includes('flink-dist')),
    ...jars.filter((jar) => jar.includes('flink-dist')),
  ].join(':');
  const java = (
    name: string,
    memory: string[],
    more: string[],
    healthy: () => Promise<boolean>,
    extra = '',
  ): Service => ({
    name: `flink-${name}`,
    command: 'java',
    parameters: [
      ...memory,
      ...opens,
      `-Dlog.file=${join(folder, `${name}.flink.log`)}`,
      `-Dlog4j.configurationFile=file:${join(home, 'conf', 'log4j-console.properties')}`,
      '-cp',
      classPath + extra,
      ...more,
    ],
    env: { FLINK_CONF_DIR: conf, FLINK_PLUGINS_DIR: join(home, 'plugins') },
    cwd: folder,
    healthy,
  });
  const api = `http://127.0.0.1:${ports.flink}`;
  const registered = async (): Promise<boolean> => {
    const overview = (await (await fetch(`${api}/overview`)).json()) as { taskmanagers: number };
    return overview.taskmanagers > 0;
  };
  const [gateway] = readdirSync(join(home, 'opt')).filter((jar) => jar.startsWith('flink-sql-gateway'));
  return [
    java(
      'jobmanager',
      ['-Xmx512m'],
      ['org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint', '--configDir', conf],
      () => answers(`${api}/overview`),
    ),
    java(
      'taskmanager',
      ['-Xmx768m', '-XX:MaxDirectMemorySize=384m'],
      ['org.apache.flink.runtime.taskexecutor.TaskManagerRunner', '--configDir', conf],
      registered,
    ),
    java(
      'gateway',
      ['-Xmx512m'],
      [
        'org.apache.flink.table.gateway.SqlGateway',
        '-Dsql-gateway.endpoint.rest.address=127.0.0.1',
        `-Dsql-gateway.endpoint.rest.port=${ports.gateway}`,
      ],
      () => answers(`http://127.0.0.1:${ports.gateway}/v3/info`),
      `:${join(home, 'opt', gateway!)}`,
    ),
  ];
}

/** The jar of our aggregate functions, built when it is not there. */
function own(): string[] {
  const project = join(DEPLOY, '..', '..', 'flink');
  const target = join(project, 'target');
  const jars = (): string[] =>
    existsSync(target)
      ? readdirSync(target)
          .filter((name) => /^tocsin-flink-\d+\.jar$/.test(name))
          .map((name) => join(target, name))
      : [];
  if (jars().length === 0)
    execFileSync('mvn', ['-q', '-B', '-f', join(project, 'pom.xml'), 'package'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  return jars();
}
