import { inflate } from './inflate/inflate.ts';
import type { IngestServerOptions } from './server/options.ts';
import { createServers, type IngestServers } from './server/servers.ts';

/** The ingest listeners of one shard thread, with the inflater they need. Call it inside the thread. */
export function createIngestServers(options: Omit<IngestServerOptions, 'inflate'>): IngestServers {
  return createServers({ ...options, inflate });
}
