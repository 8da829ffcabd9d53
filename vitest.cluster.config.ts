import { defineConfig } from 'vitest/config';

/** Against the real engines of `npm run cluster:up`: Kafka, a schema registry, PostgreSQL, Flink. */
export default defineConfig({
  test: {
    include: ['src/**/*.cluster.test.ts', 'test/**/*.cluster.test.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
