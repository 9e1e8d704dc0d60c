import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { Client } from './support/client.js';
import { Consumer, PackedPackage } from './support/consumer.js';
import { readExamples, readSteps, withExtensions } from './support/readme.js';

const APP = fileURLToPath(new URL('app', import.meta.url));
const SECRET = 'package-secret-package-secret-package';
const ENTRY_NAMES = ['HubClient', 'Migratable', 'MigrationModule', 'MigrationService', 'OnConnect'];

/** As the Nest CLI sets them, with the checks that hurt a library with bad types. */
const strict = {
  target: 'ES2022',
  lib: ['ES2023'],
  types: ['node'],
  strict: true,
  skipLibCheck: false,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  esModuleInterop: true,
  rootDir: 'src',
  outDir: 'dist',
};

const environments = [
  { nest: 12, config: '12', typescript: 'typescript@latest', commonjs: { module: 'NodeNext' } },
  {
    nest: 11,
    config: '4',
    typescript: 'typescript@5.9',
    commonjs: { module: 'CommonJS', moduleResolution: 'node10' },
  },
];
const kinds = ['module', 'commonjs'] as const;

const conversation = (url: string) => [
  { event: 'echo', data: 'hello' },
  { event: 'url', data: url },
];

const packed = new PackedPackage();
afterAll(() => packed.remove());

describe.each(environments)('in an empty Nest $nest app', (environment) => {
  const { nest, config, typescript, commonjs } = environment;
  const steps = readSteps();
  const consumer = new Consumer();
  afterAll(() => consumer.remove());

  function createApp(kind: (typeof kinds)[number], name: string, appModule: string): string {
    const app = `${kind}-${name}`;
    const options = kind === 'module' ? { module: 'NodeNext' } : commonjs;
    consumer.write(`${app}/package.json`, JSON.stringify({ private: true, type: kind }));
    consumer.write(
      `${app}/tsconfig.json`,
      JSON.stringify({ compilerOptions: { ...strict, ...options }, include: ['src'] }),
    );
    consumer.copy(APP, `${app}/src`);
    const isModule = kind === 'module';
    consumer.write(`${app}/src/app.module.ts`, isModule ? withExtensions(appModule) : appModule);
    consumer.compile(app);
    return app;
  }

  beforeAll(() => {
    const own = ['common', 'core', 'platform-express'].map((name) => `@nestjs/${name}@${nest}`);
    const named = steps.packages.map((name) => {
      if (name === 'nestjs-ws-migration') return packed.tarball;
      return name.startsWith('@nestjs/') ? `${name}@${nest}` : name;
    });
    consumer.install(...own, 'reflect-metadata', 'rxjs', typescript, '@types/node@20', ...named);
  });

  test('the versions are those that were asked for', () => {
    for (const name of ['core', 'websockets', 'platform-ws']) {
      expect(consumer.version(`@nestjs/${name}`)).toMatch(new RegExp(`^${nest}\\.`));
    }
  });

  test('the main entry loads without @nestjs/config', () => {
    const names = `for (const name of ${JSON.stringify(ENTRY_NAMES)}) if (typeof it[name] !== 'function') throw name; console.log('ok')`;
    const required = `const it = require('nestjs-ws-migration'); ${names}`;
    const imported = `import * as it from 'nestjs-ws-migration'; ${names}`;
    expect(() => consumer.version('@nestjs/config')).toThrow('ENOENT');
    expect(consumer.evaluate('commonjs', required)).toBe('ok');
    expect(consumer.evaluate('module', imported)).toBe('ok');
  });

  test.each(kinds)('steps 1 and 2 work (%s)', async (kind) => {
    const running = await consumer.start(createApp(kind, 'single', steps.importModule));
    const client = await Client.connect(running.port, '/chat?room=7');
    expect(await client.conversation()).toEqual(conversation('/chat?room=7'));
    const exited = running.close();
    expect((await client.closed).code).toBe(1012);
    expect(await exited).toBe(0);
  });

  describe('with @nestjs/config', () => {
    beforeAll(() => consumer.install(`@nestjs/config@${config}`, 'redis', 'class-validator'));

    test.each(kinds)('the examples of README.md and docs/context.md compile (%s)', (kind) => {
      for (const [name, code] of Object.entries(readExamples())) {
        consumer.write(`${kind}-examples/src/${name}`, code);
      }
      createApp(kind, 'examples', steps.importModule);
    });

    test.each(kinds)('step 3 works (%s)', async (kind) => {
      const app = createApp(kind, 'split', steps.split);
      const env = { MIGRATION_SECURITY_SECRETS: SECRET, MIGRATION_SHUTDOWN_TIMEOUT_MS: '20000' };
      const relay = await consumer.start(app, { ...env, MIGRATION_ROLE: 'relay' });
      const hub = {
        ...env,
        MIGRATION_ROLE: 'hub',
        MIGRATION_HUB_RELAYS: `ws://127.0.0.1:${relay.port}/migration/service`,
      };
      const [first, second] = [await consumer.start(app, hub), await consumer.start(app, hub)];
      await expect.poll(() => relay.output.match(/joined/g)?.length, { timeout: 20_000 }).toBe(2);
      const client = await Client.connect(relay.port, '/chat?room=8');
      expect(await client.conversation()).toEqual(conversation('/chat?room=8'));
      await first.terminate();
      expect(await client.conversation()).toEqual(conversation('/chat?room=8'));
      expect(await relay.close()).toBe(0);
      expect((await client.closed).code).toBe(1012);
      expect(await second.close()).toBe(0);
    });
  });
});
