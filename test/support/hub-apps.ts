import 'reflect-metadata';
import { Module } from '@nestjs/common';
import type { INestApplication, ModuleMetadata, Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AddressInfo } from 'node:net';
import { MigrationModule } from '../../lib/migration.module.js';
import { MigrationService } from '../../lib/migration.service.js';
import type { MigrationOptions } from '../../lib/options/index.js';
import type { ClientConnection } from '../../lib/relay/client-connection.js';
import type { RelayCore } from '../../lib/relay/relay-core.js';
import { TestClient } from './relay-fixture.js';
import { until } from './until.js';

/** What a test sees of an application that is made in its own process. */
interface Insides {
  relay: { core: RelayCore };
  hub: { stop(): void };
  stored: { close(): Promise<void> } | undefined;
}

const insides = (app: INestApplication) => service(app) as unknown as Insides;

export const service = (app: INestApplication): MigrationService =>
  app.get(MigrationService, { strict: false });

/** A relay and hub servers, each an application of its own, in one process. */
export class HubApps {
  private readonly apps: INestApplication[] = [];
  private relay!: INestApplication;
  private port = 0;

  static async start(options: MigrationOptions = {}): Promise<HubApps> {
    const apps = new HubApps();
    apps.relay = await apps.create({}, { ...options, role: 'relay' });
    await apps.relay.listen(0, '127.0.0.1');
    apps.port = (apps.relay.getHttpServer().address() as AddressInfo).port;
    return apps;
  }

  get relayCore(): RelayCore {
    return insides(this.relay).relay.core;
  }

  get connections(): ClientConnection[] {
    return [...this.relayCore.connections.values()];
  }

  /** A hub server that the relay knows. */
  async hub(
    providers: Provider[],
    options: MigrationOptions = {},
    metadata: ModuleMetadata = {},
  ): Promise<INestApplication> {
    const relays = [`ws://127.0.0.1:${this.port}/migration/service`];
    const hub = await this.create(
      { ...metadata, providers: [...providers, ...(metadata.providers ?? [])] },
      { ...options, role: 'hub', hub: { connectionsPerRelay: 1, ...options.hub, relays } },
    );
    await hub.listen(0, '127.0.0.1');
    const { serverId } = service(hub);
    await untilTrue(() => this.relayCore.server(serverId) !== undefined);
    return hub;
  }

  /** A client that is connected. */
  async client(path = '/chat'): Promise<TestClient> {
    const client = new TestClient(`ws://127.0.0.1:${this.port}${path}`);
    await untilTrue(() => client.open);
    return client;
  }

  /** The hub server is gone without a word. */
  crash(hub: INestApplication): void {
    void insides(hub).stored?.close();
    insides(hub).hub.stop();
  }

  async close(): Promise<void> {
    for (const app of this.apps.toReversed()) await app.close();
  }

  private async create(metadata: ModuleMetadata, options: MigrationOptions) {
    class AppModule {}
    Module({
      ...metadata,
      imports: [
        MigrationModule.forRoot({ ...options, shutdown: { timeoutMs: 1000, ...options.shutdown } }),
        ...(metadata.imports ?? []),
      ],
    })(AppModule);
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    this.apps.push(app);
    return app;
  }
}

const untilTrue = (condition: () => boolean) =>
  until(() => {
    if (!condition()) throw new Error('not yet');
  });

/** Sends an event and waits for the next message. */
export async function ask(client: TestClient, event: string, data?: unknown): Promise<unknown> {
  const before = client.messages.length;
  client.ws.send(JSON.stringify({ event, data }));
  await untilTrue(() => client.messages.length > before);
  return JSON.parse(String(client.messages[before]!.data));
}
