import { randomUUID } from 'node:crypto';
import { afterAll, describe } from 'vitest';
import { cluster } from '../../../test/cluster.ts';
import { busContract } from '../contract.ts';
import { KafkaBus } from './kafka-bus.ts';

const open: KafkaBus[] = [];
afterAll(async () => {
  for (const bus of open) await bus.close();
});

describe('Kafka bus', () => {
  busContract(async () => {
    const bus = new KafkaBus({
      brokers: [cluster().kafka],
      clientId: 'contract',
      replicas: 1,
      tls: null,
      sasl: null,
      sessionTimeoutMs: 6_000,
      maxWaitingBytes: 16 << 20,
    });
    open.push(bus);
    const run = randomUUID().slice(0, 8);
    return { bus, name: (topic) => `contract.${run}.${topic}` };
  });
});
