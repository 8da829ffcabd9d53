import { compressSync } from 'snappy';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeV2 } from '../remote-write/testing/schema.ts';
import { createIngestServers } from '../servers.ts';
import type { IngestServers } from './servers.ts';
import { DecodingIntake } from './testing/decoding-intake.ts';

/** Debian's Prometheus (2.42) does not write 2.0 yet: this sends what its specification says, by independent libraries. */
const intake = new DecodingIntake();
let servers: IngestServers;
let url = '';

beforeAll(async () => {
  servers = createIngestServers({ intake, http: { host: '127.0.0.1', port: 0 }, grpc: null });
  const { httpAddress } = await servers.start();
  url = `http://127.0.0.1:${httpAddress!.port}/api/v1/write`;
});
afterAll(() => servers.stop());

async function send(body: Uint8Array) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '2.0.0',
    },
    body: compressSync(Buffer.from(body)),
  });
  const written = ['samples', 'histograms', 'exemplars'].map((kind) =>
    Number(response.headers.get(`x-prometheus-remote-write-${kind}-written`)),
  );
  return { status: response.status, written, text: await response.text() };
}

const T = 1_700_000_000_000;
const good = {
  labels: { __name__: 'requests', job: 'cart' },
  samples: [{ value: 5, timestamp: T }],
  exemplars: 2,
  type: 1,
  unit: 'requests',
};
const histogram = {
  labels: { __name__: 'latency', job: 'cart' },
  histograms: [{ countInt: 3, sum: 4, timestamp: T, positiveSpans: [{ offset: 1, length: 1 }], positiveDeltas: [3] }],
  type: 3,
};

it('takes a whole request: 204 and the counts', async () => {
  const repeated = Array.from({ length: 500 }, (_, i) => ({ ...good, labels: { ...good.labels, path: `/p/${i}` } }));
  expect(await send(encodeV2([...repeated, histogram]))).toEqual({ status: 204, written: [500, 1, 1000], text: '' });
  expect(intake.points_).toHaveLength(500);
  expect(intake.points_[7]).toMatchObject({
    value: 5,
    info: { metric: 'requests', service: 'cart', unit: 'requests', labels: { path: '/p/7' } },
  });
  expect(intake.histograms_).toMatchObject([{ total: 3, sum: 4, counts: [3] }]);
});

it('takes the valid part: 400 and the counts of what was taken', async () => {
  const answer = await send(encodeV2([{ labels: { job: 'cart' }, samples: [{ value: 1, timestamp: T }] }, good]));
  expect(answer).toMatchObject({ status: 400, written: [1, 0, 2] });
  expect(answer.text).toContain('__name__');
});

it('refuses what is no request: 400 and nothing written', async () => {
  expect(await send(Buffer.from('hello, this is no protobuf'))).toMatchObject({ status: 400, written: [0, 0, 0] });
});
