import type { Incident } from '../../src/domain/incident.ts';
import type { TickReport } from '../../src/domain/signal/history.ts';
import { DEFAULT_TENANT } from '../../src/domain/units.ts';
import { Correlator } from '../../src/pipeline/correlator/correlator.ts';
import { ShardEngine } from '../../src/pipeline/engine/shard-engine.ts';
import { settingsSchema } from '../../src/pipeline/settings.ts';
import type { Engine } from './engine.ts';

/**
 * One shard and the correlator in this thread, default settings but for `config`, without sockets and stores. Wall time is what a live
 * receiver would have seen: the end of the step of event time that is being sent.
 */
export async function embeddedEngine(config: unknown = {}): Promise<Engine> {
  const settings = settingsSchema.parse(config);
  const correlator = new Correlator(settings, {
    route: { receivers: [] },
    receivers: [],
    externalUrl: '',
    stamp: { modelVersion: '', configHash: '' },
  });
  const incidents = new Map<string, Incident>();
  const shard = new ShardEngine({
    shard: 0,
    settings,
    emit(report: TickReport) {
      for (const incident of correlator.apply(report).incidents) incidents.set(incident.id, incident);
    },
  });
  let cpuMicros = 0;
  let peakRss = 0;
  const measured = (work: () => void): void => {
    const before = process.cpuUsage();
    work();
    const spent = process.cpuUsage(before);
    cpuMicros += spent.user + spent.system;
  };
  return {
    name: 'embedded, one thread; memory includes the harness and its data',
    async send(signal, body, at) {
      measured(() => {
        if (shard.wantsTime(at)) shard.passTime(at);
        shard.accept(signal, 'otlp-protobuf', body, DEFAULT_TENANT, at);
      });
      peakRss = Math.max(peakRss, process.memoryUsage.rss());
    },
    async flush(at) {
      measured(() => {
        if (shard.wantsTime(at)) shard.passTime(at);
      });
    },
    async incidents() {
      return [...incidents.values()];
    },
    async cost() {
      return { cpuSeconds: cpuMicros / 1e6, peakRssBytes: peakRss };
    },
    async close() {},
  };
}
