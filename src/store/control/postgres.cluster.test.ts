import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, describe, test } from 'vitest';
import { cluster } from '../../../test/cluster.ts';
import { controlStoreContract } from '../contract.ts';
import { openPostgresControlStore } from './postgres.ts';
import type { SqlControlStore } from './sql-control-store.ts';

const open: SqlControlStore[] = [];
const databases: string[] = [];

async function admin(statement: string): Promise<void> {
  const client = new Client({ connectionString: cluster().postgres });
  await client.connect();
  await client.query(statement);
  await client.end();
}

afterAll(async () => {
  for (const store of open) await store.close().catch(() => undefined);
  for (const name of databases) await admin(`DROP DATABASE ${name} WITH (FORCE)`);
});

describe('control store on PostgreSQL', () => {
  const checks = controlStoreContract(async () => {
    const name = `contract_${randomUUID().replaceAll('-', '')}`;
    await admin(`CREATE DATABASE ${name}`);
    databases.push(name);
    const url = new URL(cluster().postgres);
    url.pathname = `/${name}`;
    const store = openPostgresControlStore(url.href);
    open.push(store);
    return store;
  });
  for (const check of checks) test(check.name, check.run);
});
