import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { traffic } from '../../../test/traffic.ts';
import { TocsinError } from '../../domain/error.ts';
import type { IntakeResult, SignalIntake } from '../../domain/ports.ts';
import { ShardSeriesTable } from '../../ingest/series/series-table.ts';
import { createDecode } from '../engine/decoders.ts';
import { MetricInput } from '../engine/metric-input.ts';
import { ForwardingIntake } from './forwarding-intake.ts';

const { body } = traffic({ seed: 1, start: 1_700_000_000_000, steps: 1, fault: [0, 0] })[0]!;
const SERVICES = ['shop/cart', 'shop/front', 'shop/ledger', 'shop/stock'];

/** Takes bodies in and knows which services they were of. */
class Taker implements SignalIntake {
  readonly #table = new ShardSeriesTable();
  readonly #decode = createDecode(this.#table);
  fault: TocsinError | null = null;
  delay = Promise.resolve();

  async accept(
    signal: Parameters<SignalIntake['accept']>[0],
    format: Parameters<SignalIntake['accept']>[1],
    bytes: Uint8Array,
    tenant: string,
  ): Promise<IntakeResult> {
    await this.delay;
    if (this.fault !== null) throw this.fault;
    const input = new MetricInput();
    input.begin();
    return this.#decode(signal, format, bytes, tenant, input);
  }

  get services(): string[] {
    return Array.from({ length: this.#table.size }, (_, i) => this.#table.describe(i).service)
      .filter((name, i, all) => all.indexOf(name) === i)
      .toSorted();
  }
}

const close: (() => void)[] = [];
afterEach(() => {
  for (const undo of close.splice(0)) undo();
});

function pair() {
  const { port1, port2 } = new MessageChannel();
  close.push(() => port1.close());
  const takers = [new Taker(), new Taker()] as const;
  const intakes = [
    new ForwardingIntake(takers[0], 0, 2, new Map([[1, port1]])),
    new ForwardingIntake(takers[1], 1, 2, new Map([[0, port2]])),
  ] as const;
  return { takers, intakes };
}

describe('forwarding intake', () => {
  it('brings each service to one shard only, whichever took the request, and answers for all of it', async () => {
    const { takers, intakes } = pair();
    expect(await intakes[0].accept('metrics', 'otlp-protobuf', body, 'default')).toEqual({
      accepted: 24,
      rejected: 0,
      message: '',
    });
    const first = takers.map((taker) => taker.services);
    expect(first.flat().toSorted()).toEqual(SERVICES);
    expect(first.every((services) => services.length > 0)).toBe(true);
    expect(await intakes[1].accept('metrics', 'otlp-protobuf', body, 'default')).toMatchObject({ accepted: 24 });
    expect(takers.map((taker) => taker.services)).toEqual(first);
  });

  it('answers only when the other shard has it', async () => {
    const { takers, intakes } = pair();
    const gate = Promise.withResolvers<void>();
    takers[1].delay = gate.promise;
    let answered = false;
    const answer = Promise.resolve(intakes[0].accept('metrics', 'otlp-protobuf', body, 'default')).then(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(answered).toBe(false);
    gate.resolve();
    await answer;
  });

  it('passes the refusal of another shard on, with its code and delay', async () => {
    const { takers, intakes } = pair();
    takers[1].fault = new TocsinError('overloaded', 'full', { retryAfterMs: 500 });
    await expect(intakes[0].accept('metrics', 'otlp-protobuf', body, 'default')).rejects.toMatchObject({
      code: 'overloaded',
      retryAfterMs: 500,
    });
  });
});
