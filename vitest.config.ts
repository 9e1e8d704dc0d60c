import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
/** An authority of its own, for servers with TLS in the tests. */
const env = { NODE_EXTRA_CA_CERTS: path('./test/support/tls/ca.crt') };
const builtFirst = ['./scripts/vitest-setup.mjs'];

export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: {
    // Tests in this process see one copy of the library: the sources. Child processes run dist.
    alias: [
      { find: /^nestjs-ws-migration$/, replacement: path('./lib/index.ts') },
      { find: /^nestjs-ws-migration\/config$/, replacement: path('./lib/migration.config.ts') },
    ],
  },
  test: {
    // Groups run one after another, so that no project competes with the real processes of e2e.
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          env,
          include: ['{lib,demo,bench,sample,scripts,test/support}/**/*.spec.ts'],
          testTimeout: 30_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.spec.ts'],
          testTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'fuzz',
          include: ['test/fuzz/**/*.spec.ts'],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          env,
          include: ['test/{e2e,conformance}/**/*.spec.ts'],
          globalSetup: builtFirst,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.spec.ts'],
          globalSetup: builtFirst,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
