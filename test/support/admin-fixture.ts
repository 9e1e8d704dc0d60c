import { Module } from '@nestjs/common';
import type { DynamicModule, INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Taker } from '../../lib/protocol/server-stream.js';
import { AdminRelay } from '../../lib/admin/admin-relay.js';
import { MigrationAdminModule } from '../../lib/admin/migration-admin.module.js';
import { MigrationModule } from '../../lib/migration.module.js';
import type { MigrationOptions } from '../../lib/options/index.js';
import { InProcessTransport } from '../../lib/protocol/in-process-transport.js';
import type { ClientRequest } from '../../lib/protocol/messages.js';
import type { ClientConnection, ClientSocket } from '../../lib/relay/client-connection.js';
import type { RelayCore } from '../../lib/relay/relay-core.js';
import { TestHub } from './relay-fixture.js';

export const TOKEN = 'a-token-of-at-least-thirty-two-characters';
export const NEXT_TOKEN = 'the-token-that-will-replace-the-first-one';

export const PLATFORMS = { express: ExpressAdapter, fastify: FastifyAdapter };
export type Platform = keyof typeof PLATFORMS;

const ENDPOINT = { port: 0, path: '/chat' };
const REQUEST: ClientRequest = {
  method: 'GET',
  url: '/chat',
  httpVersion: '1.1',
  rawHeaders: [],
  remoteAddress: '192.0.2.7',
  remotePort: 5000,
  encrypted: false,
};

export interface AdminAppSettings {
  options?: MigrationOptions;
  imports?: NonNullable<DynamicModule['imports']>;
  providers?: NonNullable<DynamicModule['providers']>;
  platform?: Platform;
  /** Called before the application starts. */
  prepare?: (app: INestApplication) => void;
}

export interface Answer {
  status: number;
  type: string | null;
  headers: Headers;
  // The tests say what they expect of it.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

/** A relay with the admin API, in an application on a random loopback port. */
export class AdminApp {
  private constructor(
    readonly app: INestApplication,
    readonly url: string,
  ) {}

  static async start(settings: AdminAppSettings = {}): Promise<AdminApp> {
    const { options, imports = [MigrationAdminModule], providers = [] } = settings;
    const { platform = 'express', prepare } = settings;
    const admin = { enabled: true, tokens: [TOKEN, NEXT_TOKEN], ...options?.admin };
    class AppModule {}
    Module({
      imports: [MigrationModule.forRoot({ role: 'relay', ...options, admin }), ...imports],
      providers,
    })(AppModule);
    const adapter = new PLATFORMS[platform]();
    const app = await NestFactory.create(AppModule, adapter, {
      logger: false,
      abortOnError: false,
    });
    prepare?.(app);
    await app.listen(0, '127.0.0.1');
    return new AdminApp(app, await app.getUrl());
  }

  get core(): RelayCore {
    return this.app.get(AdminRelay, { strict: false }).relay;
  }

  get(path: string, token?: string): Promise<Answer> {
    return this.request('GET', path, { token });
  }

  async request(
    method: string,
    path: string,
    {
      token = TOKEN,
      json,
      ...init
    }: { token?: string | undefined; json?: unknown } & RequestInit = {},
  ): Promise<Answer> {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${token}`);
    if (json !== undefined) headers.set('content-type', 'application/json');
    const body = json === undefined ? init.body : JSON.stringify(json);
    const response = await fetch(`${this.url}/migration/admin${path}`, {
      ...init,
      method,
      headers,
      ...(body !== undefined && { body }),
    });
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      headers: response.headers,
      body: await response.json(),
    };
  }

  /** Connects a hub server that answers no request to move. */
  hub(serverId: string, ingress?: string): TestHub {
    const [relayEnd, hubEnd] = InProcessTransport.pair();
    this.core.attach(relayEnd, { ingress });
    return new TestHub(hubEnd, [ENDPOINT], serverId);
  }

  client(ingress?: string, path = ENDPOINT.path): ClientConnection {
    const socket = new FakeSocket();
    const connection = this.core.connect({ ...ENDPOINT, path }, REQUEST, socket, ingress);
    socket.connection = connection;
    return connection;
  }

  stop(): Promise<void> {
    return this.app.close();
  }
}

/** A client's socket that goes when it is asked to. */
class FakeSocket implements ClientSocket {
  connection: ClientConnection | undefined;

  accept(): void {}
  refuse(): void {}
  send(_data: unknown, _binary: boolean, taker: Taker): void {
    taker.onTaken(1);
  }
  ping(): void {}
  pong(): void {}
  close(code: number, reason: string): void {
    queueMicrotask(() => this.connection?.closed(code, reason));
  }
  pause(): void {}
  resume(): void {}
}
