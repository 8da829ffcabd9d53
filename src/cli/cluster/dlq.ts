import { hostname } from 'node:os';
import type { Bus, BusRecord } from '../../bus/bus.ts';
import { topicNames } from '../../bus/topics.ts';
import { TocsinError } from '../../domain/error.ts';
import { openBus } from '../../pipeline/cluster/roles.ts';
import type { Settings } from '../../pipeline/settings.ts';
import type { Output } from '../output.ts';

const HEX_BYTES = 512;
/** Of the dead-letter topic itself; the others are those of the record. */
const OURS = new Set(['reason', 'topic', 'partition', 'offset']);

/** One line a record that could not be read: where it is, where it was, why. */
export async function dlqList(settings: Settings, output: Output, bus = busOf(settings)): Promise<number> {
  try {
    const records = await all(bus, topicNames(settings.bus.topic_prefix).dlq);
    for (const { offset, timestamp, headers, value } of records)
      output.line(
        `${String(offset).padStart(6)}  ${new Date(timestamp).toISOString()}  ${headers['topic']}[${headers['partition']}]@${headers['offset']}  ${value.length} B  ${headers['reason']}`,
      );
    output.line(records.length === 0 ? 'no record was put aside' : `${records.length} records`);
    return 0;
  } finally {
    await bus.close();
  }
}

/** One record: headers, reason, the beginning of its bytes. */
export async function dlqShow(
  settings: Settings,
  offset: number,
  output: Output,
  bus = busOf(settings),
): Promise<number> {
  try {
    const record = await one(bus, topicNames(settings.bus.topic_prefix).dlq, offset);
    for (const [name, text] of Object.entries(record.headers)) output.line(`${name}: ${text}`);
    output.line(`${record.value.length} bytes${record.value.length > HEX_BYTES ? `, the first ${HEX_BYTES}` : ''}:`);
    const hex = Buffer.from(record.value.subarray(0, HEX_BYTES)).toString('hex');
    for (let i = 0; i < hex.length; i += 64) output.line(`  ${hex.slice(i, i + 64).replaceAll(/(..)/g, '$1 ')}`);
    return 0;
  } finally {
    await bus.close();
  }
}

/** Puts a record back at the end of the partition that it was in: after a fix, when it can be read. */
export async function dlqReplay(
  settings: Settings,
  offset: number,
  output: Output,
  bus = busOf(settings),
): Promise<number> {
  try {
    const { value, headers } = await one(bus, topicNames(settings.bus.topic_prefix).dlq, offset);
    const producer = bus.producer();
    const own = Object.fromEntries(Object.entries(headers).filter(([name]) => !OURS.has(name)));
    const topic = headers['topic'] ?? '';
    await producer.send([{ topic, partition: Number(headers['partition']), value, headers: own }]);
    await producer.close();
    output.line(`record ${offset} is at the end of ${topic}[${headers['partition']}] again`);
    return 0;
  } finally {
    await bus.close();
  }
}

async function one(bus: Bus, topic: string, offset: number): Promise<BusRecord> {
  const record = (await all(bus, topic)).find((candidate) => candidate.offset === offset);
  if (record === undefined)
    throw new TocsinError('not_found', `no record ${offset}; tocsin dlq list shows those that there are`);
  return record;
}

async function all(bus: Bus, topic: string): Promise<BusRecord[]> {
  const [end] = await bus.ends(topic);
  const out: BusRecord[] = [];
  if (end === undefined || end.first === end.next) return out;
  const done = Promise.withResolvers<void>();
  const reader = bus.reader(
    topic,
    (records) => {
      out.push(...records);
      if (out.at(-1)!.offset >= end.next - 1) done.resolve();
    },
    (error) => done.reject(error),
  );
  reader.start(0, end.first);
  await done.promise;
  await reader.close();
  return out;
}

function busOf(settings: Settings): Bus {
  if (settings.bus.brokers.length === 0)
    throw new TocsinError('invalid_config', 'there is a dead-letter topic only where there is a bus: set bus.brokers');
  return openBus(settings, `tocsin-dlq-${hostname()}`);
}
