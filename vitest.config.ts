import { defineConfig } from 'vitest/config';

/** Unit, property, contract and scenario tests: no network beyond loopback, no Java, no browser, no data folder. */
export default defineConfig({
  test: {
    include: [
      'src/**/*.test.ts',
      'test/**/*.test.ts',
      'eval/**/*.test.ts',
      'bench/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    exclude: ['**/*.integration.test.ts', '**/*.cluster.test.ts', '**/node_modules/**', '**/dist/**'],
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
