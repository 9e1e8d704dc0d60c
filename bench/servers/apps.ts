import 'reflect-metadata';
import { type DynamicModule, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationOptions } from 'nestjs-ws-migration';
import { BenchGateway } from './bench.gateway.js';
import { HOST, type StartedServer } from './started-server.js';

const READY_LIMIT_MS = 10_000;
/** The default of `hub.connectionsPerRelay`. */
const CONNECTIONS_PER_RELAY = 2;
const SERVICE = '/migration/service';
/** Options that differ from their defaults: those that would end a measurement by refusing clients. */
const RELAY = { maxConnectionsPerAddress: 1_000_000, maxNewConnectionsPerSecond: 1_000_000 };

/** A gateway with Nest's own adapter. */
export async function startStock(): Promise<StartedServer> {
  const app = await create([]);
  app.useWebSocketAdapter(new WsAdapter(app));
  return { port: await listen(app), close: () => app.close() };
}

/**
 * The same gateway with the library.
 * @param args of a relay: migrations per second, if not the default, or the path of its Unix socket; of a hub server: the
 *   ports or the Unix sockets of its relays
 */
export async function startMigrating(
  role: 'relay' | 'hub' | 'both',
  args: string[],
): Promise<StartedServer> {
  // The stock gateway's process loads nothing of the library.
  const { MigrationModule, MigrationService } = await import('nestjs-ws-migration');
  const app = await create([MigrationModule.forRoot(optionsOf(role, args))]);
  const migration = app.get(MigrationService);
  const close = () => app.close();
  if (role !== 'hub') {
    const port = await listen(app);
    const isServed = () =>
      migration.stats().relay?.servers.some((server) => server.serviceConnections);
    if (role === 'both') await until(() => isServed() === true, 'the own gateways');
    return { port, migration, close };
  }
  await app.init();
  migration.start();
  const wanted = args.length * CONNECTIONS_PER_RELAY;
  await until(() => migration.stats().hub?.serviceConnections === wanted, 'the relay');
  return { port: undefined, migration, close };
}

function optionsOf(role: 'relay' | 'hub' | 'both', args: string[]): MigrationOptions {
  if (role === 'hub') {
    const relays = args.map((it) =>
      isSocket(it) ? `ws+unix://${it}:${SERVICE}` : `ws://${HOST}:${it}${SERVICE}`,
    );
    return { role, hub: { relays } };
  }
  const [given] = args;
  if (given === undefined) return { role, relay: RELAY };
  const asked = isSocket(given) ? { serviceSocket: given } : { migrationsPerSecond: Number(given) };
  return { role, relay: { ...RELAY, ...asked } };
}

const isSocket = (argument: string) => argument.startsWith('/');

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
