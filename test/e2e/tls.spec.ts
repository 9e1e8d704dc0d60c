import type { INestApplication } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { MigrationModule, MigrationService } from 'nestjs-ws-migration';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect, eventually } from '../conformance/support/client.js';
import { AUTHORITY, stranger, trusted } from '../support/tls.js';
import type { Identity } from '../support/tls.js';
import { AppProcess } from './support/app-process.js';

const shutdown = { mode: 'off' } as const;

@WebSocketGateway({ path: '/chat' })
class EchoGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echo', data };
  }
}

/** A relay whose server speaks TLS alone, in this process. */
async function startRelay(identity: Identity) {
  const imports = [MigrationModule.forRoot({ role: 'relay', shutdown })];
  class RelayModule {}
  Module({ imports })(RelayModule);
  const app = await NestFactory.create(RelayModule, { httpsOptions: identity, logger: false });
  onTestFinished(() => app.close());
  await app.listen(0, 'localhost');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = (path: string) => `wss://localhost:${port}${path}`;
  return { app, url, service: url('/migration/service') };
}

async function startHub(relay: string): Promise<INestApplication> {
  const imports = [MigrationModule.forRoot({ role: 'hub', shutdown, hub: { relays: [relay] } })];
  class HubModule {}
  Module({ imports, providers: [EchoGateway] })(HubModule);
  const app = await NestFactory.create(HubModule, { logger: false });
  onTestFinished(() => app.close());
  await app.init();
  app.get(MigrationService).start();
  return app;
}

const served = (relay: INestApplication, count: number) =>
  eventually(() => {
    const { servers } = relay.get(MigrationService).stats().relay!;
    expect(servers.map(({ serviceConnections }) => serviceConnections)).toEqual(
      Array<number>(count).fill(2),
    );
  });

describe('a relay behind TLS', () => {
  it('takes service connections and clients on one https server', async () => {
    const { app, url, service } = await startRelay(trusted);
    await startHub(service);
    await served(app, 1);
    const client = await connect(url('/chat'));
    for (const length of [0, 1, 1000, 70_000, 900_000]) {
      const data = 'ä'.repeat(length / 2);
      expect(await client.ask('echo', data)).toEqual({ event: 'echo', data });
    }
    const sent = Array.from({ length: 500 }, (_, n) => n);
    for (const n of sent) client.emit('echo', n);
    const answers = await client.take(sent.length);
    expect(answers).toEqual(sent.map((data) => ({ event: 'echo', data })));
  });

  it('is reached by hub servers that trust its authority, and by no others', async () => {
    const { app, url, service } = await startRelay(trusted);
    const options = { MIGRATION_ROLE: 'hub', MIGRATION_HUB_RELAYS: service, E2E_ONLY_INIT: '1' };
    const [a, b] = await Promise.all([
      AppProcess.start('hub a', { ...options, NODE_EXTRA_CA_CERTS: AUTHORITY }),
      AppProcess.start('hub b', options),
    ]);
    await Promise.all([a.ask('start'), b.ask('start')]);
    await served(app, 1);
    const client = await connect(url('/chat'));
    expect(await client.ask('echo', 1)).toMatchObject({ data: { n: 1 } });
    const cause = /: (unable to verify the first|self-signed) certificate( in certificate chain)?;/;
    await eventually(() => expect(b.output).toMatch(cause));
    expect(b.output).toContain(`Cannot reach the relay at ${service}: `);
    expect(a.output).not.toContain('Cannot reach');
    await served(app, 1);
  });

  it('is not reached when it shows a certificate that it signed itself', async () => {
    const { app, service } = await startRelay(stranger);
    const hub = await AppProcess.start('hub', {
      MIGRATION_ROLE: 'hub',
      MIGRATION_HUB_RELAYS: service,
      NODE_EXTRA_CA_CERTS: AUTHORITY,
      E2E_ONLY_INIT: '1',
    });
    await hub.ask('start');
    await eventually(() => expect(hub.output).toContain(`${service}: self-signed certificate;`));
    await served(app, 0);
  });
});
