import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const backend = process.env['TOCSIN_BACKEND'] ?? 'http://127.0.0.1:4499';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative: the page works below any path of a reverse proxy.
  base: './',
  plugins: [react()],
  build: {
    outDir: fileURLToPath(new URL('../dist/ui', import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': backend, '/-': backend, '/metrics': backend } },
});
