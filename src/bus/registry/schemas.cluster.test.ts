import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { cluster } from '../../../test/cluster.ts';
import { topicNames } from '../topics.ts';
import { SchemaRegistry } from './schema-registry.ts';
import { registerSchemas, SCHEMA_HEADER } from './schemas.ts';
import { TOCSIN_PROTO } from './tocsin-proto.ts';

describe('schemas in a real registry', () => {
  test('are registered once, pinned by id, and compared per record', async () => {
    const topics = topicNames(`schemas-${randomUUID().slice(0, 8)}.`);
    const first = await registerSchemas(cluster().registry, topics);
    const second = await registerSchemas(cluster().registry, topics);
    expect(second.signals.headers).toEqual(first.signals.headers);
    expect(await first.signals.accepts(second.signals.headers)).toBe(true);
    expect(await first.signals.accepts({})).toBe(true);
    expect(await first.signals.accepts({ [SCHEMA_HEADER]: '999999' })).toBe(false);
  });

  test('a new version is accepted by workers that started before it', async () => {
    const topics = topicNames(`schemas-${randomUUID().slice(0, 8)}.`);
    const old = await registerSchemas(cluster().registry, topics);
    const registry = new SchemaRegistry({ url: cluster().registry });
    const newer = TOCSIN_PROTO.replace('string tenant = 5;', 'string tenant = 5;\n  string region = 11;');
    expect(await registry.isCompatible(`${topics.signals}-value`, newer)).toBe(true);
    const id = await registry.register(`${topics.signals}-value`, newer);
    expect(old.signals.headers[SCHEMA_HEADER]).not.toBe(String(id));
    expect(await old.signals.accepts({ [SCHEMA_HEADER]: String(id) })).toBe(true);
  });

  test('a change that breaks readers is refused', async () => {
    const topics = topicNames(`schemas-${randomUUID().slice(0, 8)}.`);
    await registerSchemas(cluster().registry, topics);
    const registry = new SchemaRegistry({ url: cluster().registry });
    const broken = TOCSIN_PROTO.replace('double wall_ms = 3;', 'string wall_ms = 3;');
    expect(await registry.isCompatible(`${topics.signals}-value`, broken)).toBe(false);
    await expect(registry.register(`${topics.signals}-value`, broken)).rejects.toMatchObject({
      code: 'invalid_config',
    });
  });

  test('a registry that is away is said so', async () => {
    await expect(registerSchemas('http://127.0.0.1:9/apis/ccompat/v7', topicNames('x.'))).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});
