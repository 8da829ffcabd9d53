import { type Settings, settingsSchema } from '../../src/pipeline/settings.ts';

/** What both sides of the crash test run with: snapshots as often as the schema allows, one shard, one webhook. */
export function crashSettings(dataDir: string, webhook: string): Settings {
  return settingsSchema.parse({
    data_dir: dataDir,
    ingest: { shards: 1 },
    history: { memory: '128MB' },
    durability: { snapshot_every: '1m' },
    receivers: [{ name: 'hook', webhook_configs: [{ url: webhook }] }],
  });
}
