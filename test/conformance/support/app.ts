import 'reflect-metadata';
import { type INestApplication, Module, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createServer, type AddressInfo } from 'node:net';
import type { Running } from './subject.js';

export const HOST = '127.0.0.1';

/** An app of a fresh root module; nothing listens yet. */
export async function createApp(metadata: ModuleMetadata): Promise<INestApplication> {
  class ConformanceModule {}
  Module(metadata)(ConformanceModule);
  return NestFactory.create(ConformanceModule, { logger: false, abortOnError: false });
}

export async function listen(app: INestApplication): Promise<number> {
  await app.listen(0, HOST);
  return (app.getHttpServer().address() as AddressInfo).port;
}

/** What a started subject gives to a test; `close` may be called again, `apps` close in order. */
export function running(app: INestApplication, port: number, apps: INestApplication[]): Running {
  let closing: Promise<void> | undefined;
  return {
    app,
    url: (path) => `ws://${HOST}:${port}${path}`,
    portUrl: (ownPort, path = '') => `ws://${HOST}:${ownPort}${path}`,
    close: () => (closing ??= closeAll(apps)),
  };
}

async function closeAll(apps: INestApplication[]): Promise<void> {
  for (const app of apps) {
    await app.close();
  }
}

/** A port that was free a moment ago, for gateways with a port of their own. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
