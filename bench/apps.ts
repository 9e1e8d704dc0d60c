import 'reflect-metadata';
import { type DynamicModule, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationOptions } from 'nestjs-ws-migration';
import { BenchGateway } from './bench.gateway.js';

export const HOST = '127.0.0.1';
const READY_LIMIT_MS = 10_000;

/** What a server process is. */
export type ServerRole = 'stock' | 'relay' | 'hub' | 'both';

export interface StartedApp {
  readonly app: INestApplication;
  /** Where clients connect; undefined in a hub server. */
  readonly port: number | undefined;
}

/** @param relayPort of the relay that a hub server dials */
export async function startApp(role: ServerRole, relayPort: number): Promise<StartedApp> {
  if (role === 'stock') {
    const app = await create([]);
    app.useWebSocketAdapter(new WsAdapter(app));
    return { app, port: await listen(app) };
  }
  const relays = [`ws://${HOST}:${relayPort}/migration/service`];
  return startMigrating({ role, ...(role === 'hub' && { hub: { relays } }) });
}

async function startMigrating(options: MigrationOptions): Promise<StartedApp> {
  // The stock gateway's process loads nothing of the library.
  const { MigrationModule, MigrationService } = await import('nestjs-ws-migration');
  const app = await create([MigrationModule.forRoot(options)]);
  const migration = app.get(MigrationService);
  if (options.role !== 'hub') {
    const port = await listen(app);
    const isServed = () =>
      migration.stats().relay?.servers.some((server) => server.serviceConnections);
    if (options.role === 'both') await until(() => isServed() === true, 'the own gateways');
    return { app, port };
  }
  await app.init();
  migration.start();
  await until(() => (migration.stats().hub?.serviceConnections ?? 0) > 1, 'the relay');
  return { app, port: undefined };
}

async function create(imports: DynamicModule[]): Promise<INestApplication> {
  class BenchModule {}
  Module({ imports, providers: [BenchGateway] })(BenchModule);
  return NestFactory.create(BenchModule, { logger: ['error', 'warn'] });
}

async function listen(app: INestApplication): Promise<number> {
  await app.listen(0, HOST);
  return (app.getHttpServer().address() as AddressInfo).port;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + READY_LIMIT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} could not be reached`);
    await sleep(5);
  }
}
