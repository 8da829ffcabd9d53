import { describe, test } from 'vitest';
import { controlStoreContract } from '../contract.ts';
import { openSqliteControlStore } from './sqlite.ts';

describe('SQLite control store', () => {
  for (const check of controlStoreContract(async () => openSqliteControlStore(':memory:'))) test(check.name, check.run);
});
