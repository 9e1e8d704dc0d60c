import 'reflect-metadata';
import { Inject, Injectable, Module } from '@nestjs/common';
import type { DynamicModule, INestApplication } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TestClient } from '../test/support/relay-fixture.js';
import { until } from '../test/support/until.js';
import { Migratable } from './gateway/decorators.js';
import { MigrationWsAdapter } from './hub/migration-ws.adapter.js';
import { migrationConfig } from './migration.config.js';
import { MigrationModule } from './migration.module.js';
import { MigrationService } from './migration.service.js';
import type { MigrationLevel, MigrationOptions, ShutdownMode } from './options/index.js';
import { GracefulShutdown } from './shutdown/graceful-shutdown.js';

@WebSocketGateway({ path: '/echo' })
class EchoGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echo', data };
  }
}

@Injectable()
class Options {
  createMigrationOptions(): MigrationOptions {
    return { hub: { serverName: 'from a class' } };
  }
}

@Module({ providers: [Options], exports: [Options] })
class OptionsModule {}

let apps: INestApplication[] = [];

afterEach(async () => {
  for (const app of apps) await app.close();
  apps = [];
});

async function create(...imports: NonNullable<DynamicModule['imports']>) {
  class AppModule {}
  Module({ imports, providers: [EchoGateway] })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  apps.push(app);
  return app;
}

async function listen(...imports: NonNullable<DynamicModule['imports']>) {
  const app = await create(...imports);
  await app.listen(0, '127.0.0.1');
  return app;
}

const service = (app: INestApplication) => app.get(MigrationService, { strict: false });

const serverName = (app: INestApplication) =>
  until(() => {
    const [server] = service(app).stats().relay!.servers;
    expect(server).toBeDefined();
    return server!.serverName;
  });

function client(app: INestApplication, path = '/echo'): TestClient {
  const { port } = app.getHttpServer().address() as AddressInfo;
  return new TestClient(`ws://127.0.0.1:${port}${path}`);
}

async function connected(app: INestApplication, path?: string): Promise<TestClient> {
  const made = client(app, path);
  await until(() => expect(made.open).toBe(true));
  return made;
}

describe('MigrationModule', () => {
  it('serves gateways by forRoot() alone', async () => {
    const app = await listen(MigrationModule.forRoot());
    const echo = await connected(app);
    echo.ws.send('{"event":"echo","data":5}');
    await until(() => expect(String(echo.messages[0]?.data)).toBe('{"event":"echo","data":5}'));
    expect(service(app).role).toBe('both');
    expect(service(app).stats().hub).toEqual({ connections: 1, serviceConnections: 1 });
  });

  it.each<[string, () => DynamicModule, string]>([
    [
      'useFactory',
      () =>
        MigrationModule.forRootAsync({
          imports: [OptionsModule],
          inject: [Options],
          useFactory: async (options: Options) => options.createMigrationOptions(),
        }),
      'from a class',
    ],
    ['useClass', () => MigrationModule.forRootAsync({ useClass: Options }), 'from a class'],
    [
      'useExisting',
      () => MigrationModule.forRootAsync({ imports: [OptionsModule], useExisting: Options }),
      'from a class',
    ],
    [
      'migrationConfig.asProvider()',
      () => MigrationModule.forRootAsync(migrationConfig.asProvider()),
      'from a variable',
    ],
  ])('takes options by forRootAsync with %s', async (_, module, expected) => {
    vi.stubEnv('MIGRATION_HUB_SERVER_NAME', 'from a variable');
    try {
      const config = ConfigModule.forRoot({ ignoreEnvFile: true });
      expect(await serverName(await listen(config, module()))).toBe(expected);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('names every wrong option at start', async () => {
    const wrong = { role: 'server', hub: { ack: 'never' } } as unknown as MigrationOptions;
    for (const module of [
      MigrationModule.forRoot(wrong),
      MigrationModule.forRootAsync({ useFactory: () => wrong }),
    ]) {
      await expect(create(module)).rejects.toThrow(/role[^]*hub\.ack/);
    }
  });

  it('exports what applications inject, everywhere', async () => {
    @Injectable()
    class Feature {
      constructor(
        @Inject(MigrationService) readonly migration: MigrationService,
        @Inject(GracefulShutdown) readonly shutdown: GracefulShutdown,
        @Inject(MigrationWsAdapter) readonly adapter: MigrationWsAdapter,
      ) {}
    }
    @Module({ providers: [Feature] })
    class FeatureModule {}
    const app = await create(FeatureModule, MigrationModule.forRoot());
    const feature = app.get(Feature, { strict: false });
    expect(feature.migration).toBe(service(app));
    const hook = vi.fn<() => void>();
    feature.shutdown.add(EchoGateway, hook);
    await app.init();
    await app.close();
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it('refuses to be set up twice, and says what to do', async () => {
    const app = await create(
      MigrationModule.forRoot(),
      MigrationModule.forRoot({ hub: { version: '2' } }),
    );
    await expect(app.init()).rejects.toThrow(/set up more than once.*once, in the imports of/);
  });

  it('refuses another WebSocket adapter, and says what to do', async () => {
    const app = await create(MigrationModule.forRoot());
    app.useWebSocketAdapter(new WsAdapter(app));
    await expect(app.init()).rejects.toThrow(/uses WsAdapter\. Remove app\.useWebSocketAdapter/);
  });

  it('takes its own adapter when the application sets it', async () => {
    const app = await create(MigrationModule.forRoot());
    app.useWebSocketAdapter(app.get(MigrationWsAdapter));
    await expect(app.init()).resolves.toBe(app);
  });

  it('refuses a relay without an HTTP server, and says what to do', async () => {
    class AppModule {}
    Module({ imports: [MigrationModule.forRoot()] })(AppModule);
    const context = NestFactory.createApplicationContext(AppModule, {
      logger: false,
      abortOnError: false,
    });
    await expect(context).rejects.toThrow('Create it with NestFactory.create(), or give it');
  });

  it('refuses gateways that contradict each other', async () => {
    @WebSocketGateway({ path: '/echo' })
    @Migratable({ ack: 'received' })
    class First {}
    @WebSocketGateway({ path: '/echo' })
    @Migratable({ ack: 'handled' })
    class Second {}
    @Module({ providers: [First, Second] })
    class GatewaysModule {}
    const app = await create(GatewaysModule, MigrationModule.forRoot());
    await expect(app.init()).rejects.toThrow('First and Second share the clients of /echo');
  });
});

describe('MigrationService', () => {
  const sum = (closed: Record<string, number>) =>
    Object.values(closed).reduce((total, it) => total + it, 0);

  it('starts by call in an application that is not listening, once', async () => {
    const app = await create(MigrationModule.forRoot());
    await app.init();
    expect(service(app).stats().hub?.serviceConnections).toBe(0);
    service(app).start();
    service(app).start();
    expect(service(app).stats().hub?.serviceConnections).toBe(1);
  });

  it('closes the clients with 1012 when the application closes', async () => {
    const app = await listen(MigrationModule.forRoot());
    const echo = await connected(app);
    await app.close();
    await until(() => expect(echo.closed?.code).toBe(1012));
    expect(sum((await service(app).drain()).closed)).toBe(1);
    expect(service(app).stats().hub).toEqual({ connections: 0, serviceConnections: 0 });
  });

  it.each(['before init', 'after init'])('closes %s', async (when) => {
    const app = await create(MigrationModule.forRoot());
    if (when === 'after init') await app.init();
    await app.close();
    expect(await service(app).drain()).toMatchObject({ migrated: 0, closed: {}, failedHooks: 0 });
  });

  it('drains once, though asked before, twice and at the same time', async () => {
    const app = await listen(MigrationModule.forRoot({ shutdown: { mode: 'off' } }));
    await connected(app);
    const hook = vi.fn<() => void>();
    app.get(GracefulShutdown, { strict: false }).add(EchoGateway, hook);
    const migration = service(app);
    const results = await Promise.all([migration.drain(), migration.drain(), app.close()]);
    expect(results[0]).toBe(results[1]);
    expect(await migration.drain()).toBe(results[0]);
    expect(sum(results[0].closed)).toBe(1);
    expect(hook).toHaveBeenCalledTimes(1);
  });

  it.each<[MigrationLevel, ShutdownMode, string]>([
    ['off', 'migrateClients', 'shutdown'],
    ['off', 'waitForClientsClose', 'deadline'],
    ['shutdownOnly', 'migrateClients', 'noTarget'],
    ['any', 'migrateClients', 'noTarget'],
  ])('drains clients of level %s in mode %s: closed for %s', async (level, mode, reason) => {
    const app = await listen(
      MigrationModule.forRoot({ hub: { level }, shutdown: { mode, timeoutMs: 300 } }),
    );
    const echo = await connected(app);
    const { migrated, closed } = await service(app).drain();
    expect({ migrated, closed }).toEqual({ migrated: 0, closed: { [reason]: 1 } });
    await until(() => expect(echo.closed).toEqual({ code: 1012, reason }));
  });

  it('closes the clients of a gateway that chose the level off, and moves those of others', async () => {
    @WebSocketGateway({ path: '/fixed' })
    @Migratable({ level: 'off' })
    class FixedGateway {}
    @Module({ providers: [FixedGateway] })
    class GatewaysModule {}
    const app = await listen(
      GatewaysModule,
      MigrationModule.forRoot({ shutdown: { timeoutMs: 300 } }),
    );
    const [echo, fixed] = [await connected(app), await connected(app, '/fixed')];
    expect((await service(app).drain()).closed).toEqual({ shutdown: 1, noTarget: 1 });
    await until(() => expect(fixed.closed?.reason).toBe('shutdown'));
    await until(() => expect(echo.closed?.reason).toBe('noTarget'));
  });

  it('stays out of routing when it was drained before it started', async () => {
    const app = await create(MigrationModule.forRoot({ relay: { holdUpgradeMs: 1 } }));
    await app.init();
    await service(app).drain();
    await app.listen(0, '127.0.0.1');
    service(app).start();
    expect(service(app).stats().hub?.serviceConnections).toBe(0);
    const refused = client(app);
    await until(() => expect(refused.refusedWith?.status).toBe(503));
  });

  it('has nothing to drain before the application is initialized', async () => {
    const app = await create(MigrationModule.forRoot());
    expect(await service(app).drain()).toEqual({
      migrated: 0,
      closed: {},
      failedHooks: 0,
      durationMs: 0,
    });
    await app.listen(0, '127.0.0.1');
    await connected(app);
  });

  it('closes at the same time from two sides', async () => {
    const app = await listen(MigrationModule.forRoot());
    const echo = await connected(app);
    await Promise.all([app.close(), app.close()]);
    await until(() => expect(echo.closed?.code).toBe(1012));
    apps = [];
  });

  it('closes twice', async () => {
    const app = await listen(MigrationModule.forRoot());
    await app.close();
    await app.close();
    apps = [];
  });
});
