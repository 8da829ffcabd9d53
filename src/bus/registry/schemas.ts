import { TocsinError } from '../../domain/error.ts';
import type { Topics } from '../topics.ts';
import { SchemaRegistry } from './schema-registry.ts';
import { TOCSIN_PROTO } from './tocsin-proto.ts';

/** Header of a record that names its schema. The payload stays plain protobuf, as Flink reads it. */
export const SCHEMA_HEADER = 'schema-id';

/** What a process writes into the header of its records, and accepts in others'. */
export interface TopicSchema {
  readonly headers: Readonly<Record<string, string>>;
  /**
   * False for a record whose schema is none of the subject's. An id that is not known is looked up once: a newer process may
   * have registered it.
   */
  accepts(headers: Readonly<Record<string, string>>): boolean | Promise<boolean>;
}

export interface Schemas {
  readonly signals: TopicSchema;
  readonly reports: TopicSchema;
  readonly rollups: TopicSchema;
}

const ANYTHING: TopicSchema = { headers: {}, accepts: () => true };
/** Without a registry nothing is compared. */
export const NO_SCHEMAS: Schemas = { signals: ANYTHING, reports: ANYTHING, rollups: ANYTHING };

/**
 * Registers our schemas and pins their ids.
 * @throws TocsinError `invalid_config` when a schema breaks readers of what was registered before.
 */
export async function registerSchemas(url: string, topics: Topics): Promise<Schemas> {
  if (url === '') return NO_SCHEMAS;
  const registry = new SchemaRegistry({ url });
  const of = async (topic: string): Promise<TopicSchema> => {
    const subject = `${topic}-value`;
    if (!(await registry.isCompatible(subject, TOCSIN_PROTO)))
      throw new TocsinError(
        'invalid_config',
        `the schema of ${topic} breaks readers of what is registered as ${subject}; upgrade in the order of docs/cluster.md`,
      );
    const id = await registry.register(subject, TOCSIN_PROTO);
    await registry.setCompatibility(subject, 'BACKWARD_TRANSITIVE');
    const allowed = new Set([String(id), ...(await registry.ids(subject)).map(String)]);
    const refused = new Set<string>();
    return {
      headers: { [SCHEMA_HEADER]: String(id) },
      accepts: (headers) => {
        const given = headers[SCHEMA_HEADER];
        // Written before there was a registry.
        if (given === undefined || allowed.has(given)) return true;
        if (refused.has(given)) return false;
        return registry.ids(subject).then((ids) => {
          for (const known of ids) allowed.add(String(known));
          if (!allowed.has(given)) refused.add(given);
          return allowed.has(given);
        });
      },
    };
  };
  return { signals: await of(topics.signals), reports: await of(topics.reports), rollups: await of(topics.rollups) };
}
