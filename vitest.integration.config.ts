import { defineConfig } from 'vitest/config';

/** Real peers (OpenTelemetry SDKs, Prometheus, Alertmanager) and whole processes (kill -9): started on loopback, ended by id. */
export default defineConfig({
  test: {
    include: ['src/**/*.integration.test.ts', 'test/**/*.integration.test.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
