import 'reflect-metadata';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { MigrationService } from 'nestjs-ws-migration';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { AppModule } from './app.module.js';
import { ExistingModule } from './existing.module.js';
import { obeyMigrationCommands } from './migration-commands.js';
import { listenToParent, onCommand, report } from './parent.js';

const { env } = process;

/** A library beside ours on the same HTTP server: it takes upgrades to /other and no others. */
function addOtherLibrary(server: Server): void {
  const other = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url !== '/other') return;
    other.handleUpgrade(request, socket, head, (client) => {
      client.on('message', (data) => client.send(`other: ${data.toString()}`));
    });
  });
}

async function open(app: INestApplication): Promise<number | undefined> {
  if (env.E2E_ONLY_INIT) {
    await app.init();
    // Until it is told to start, nothing else keeps this process.
    process.channel?.ref();
    return undefined;
  }
  await app.listen(0, env.E2E_HOST ?? '127.0.0.1');
  return (app.getHttpServer().address() as AddressInfo).port;
}

listenToParent();
const app = await NestFactory.create(env.E2E_EXISTING ? ExistingModule : AppModule);
app.enableShutdownHooks();
if (env.E2E_FOREIGN_ADAPTER) app.useWebSocketAdapter(new WsAdapter(app));
if (env.E2E_OTHER_LIBRARY) addOtherLibrary(app.getHttpServer());
const migration = app.get(MigrationService);
onCommand('stats', () => migration.stats());
onCommand('start', () => {
  migration.start();
  process.channel?.unref();
});
onCommand('drain', () => migration.drain());
onCommand('close', () => app.close());
obeyMigrationCommands(migration);
const port = await open(app);
report('ready', { port, serverId: migration.serverId, role: migration.role });
