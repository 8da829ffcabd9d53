import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the engines are that `npm run cluster:up` started. */
export interface Cluster {
  readonly kafka: string;
  readonly registry: string;
  readonly postgres: string;
  readonly flink: string;
  readonly gateway: string;
}

export function cluster(): Cluster {
  const folder = process.env['TOCSIN_CLUSTER_DIR'] ?? join(tmpdir(), `tocsin-cluster-${process.getuid?.() ?? 0}`);
  const file = join(folder, 'cluster.json');
  if (!existsSync(file)) throw new Error('no cluster runs here: npm run cluster:up');
  return JSON.parse(readFileSync(file, 'utf8')) as Cluster;
}
