import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect, eventually } from '../conformance/support/client.js';
import { AppProcess } from './support/app-process.js';

describe('one process in both roles', () => {
  it('serves an existing app that only added MigrationModule.forRoot(), and closes quickly', async () => {
    const app = await AppProcess.start('existing app', { E2E_EXISTING: '1' });
    expect(app.eventsOf('ready')).toMatchObject([{ role: 'both' }]);
    // As soon as the app is up: a client does not notice that a relay looks for its hub server.
    const clients = await Promise.all([1, 2, 3].map(() => connect(app.url('/chat'))));
    for (const client of clients) {
      expect(await client.ask('echo', 1)).toEqual({
        event: 'echo',
        data: { server: 'unnamed', n: 1 },
      });
    }
    expect(await app.stats()).toMatchObject({
      hub: { connections: 3, serviceConnections: 1 },
      relay: { clients: 3, servers: [{ serverId: app.serverId, connections: 3 }] },
    });
    const started = performance.now();
    await app.ask('close');
    expect(performance.now() - started).toBeLessThan(5000);
    for (const client of clients) {
      expect(await client.closed).toEqual({ code: 1012, reason: 'shutdown' });
    }
    expect(app.eventsOf('disconnect').length).toBe(3);
    expect(await app.exited).toEqual({ code: 0, signal: null });
  });

  it('closes in a few seconds when a client does not answer', async () => {
    const app = await AppProcess.start('app');
    const deaf = await connect(app.url('/chat'));
    const client = await connect(app.url('/chat'));
    deaf.socket.pause();
    const started = performance.now();
    await app.ask('close');
    expect(performance.now() - started).toBeLessThan(15_000);
    expect((await client.closed).code).toBe(1012);
    expect(app.eventsOf('disconnect').length).toBe(2);
    expect(await app.exited).toEqual({ code: 0, signal: null });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends quickly by %s with clients', async (signal) => {
    const app = await AppProcess.start('app', { E2E_GATEWAYS: 'chat,modes' });
    const clients = await Promise.all(
      ['/chat', '/moving', '/closing'].map((path) => connect(app.url(path))),
    );
    app.kill(signal);
    for (const client of clients) expect((await client.closed).code).toBe(1012);
    expect(await app.exited).toEqual({ code: null, signal });
  });

  it('takes further hub servers on its loopback address, and its clients move to them by drain()', async () => {
    const app = await AppProcess.start('app', {
      MIGRATION_ROLE: 'both',
      MIGRATION_HUB_SERVER_NAME: 'own',
    });
    const client = await connect(app.url('/chat'));
    expect(await client.ask('who')).toMatchObject({ data: { server: 'own' } });
    const hub = await AppProcess.start('hub', {
      MIGRATION_ROLE: 'hub',
      MIGRATION_HUB_RELAYS: app.url('/migration/service'),
      MIGRATION_HUB_SERVER_NAME: 'other',
    });
    await app.drain();
    expect(await client.ask('who')).toMatchObject({ data: { server: 'other' } });
    expect(await hub.seen('connect')).toMatchObject([{ migration: { from: app.serverId } }]);
    expect((await app.stats()).relay).toMatchObject({ clients: 1, migrations: 1 });
  });
});

describe('a relay with a Unix socket', () => {
  it('has hub servers without a key though it listens everywhere, and again after it was killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'unix-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const socket = join(folder, 'relay.sock');
    const startRelay = () =>
      AppProcess.start('relay', {
        MIGRATION_ROLE: 'relay',
        MIGRATION_RELAY_SERVICE_SOCKET: socket,
        E2E_HOST: '0.0.0.0',
      });
    const startHub = (name: string) =>
      AppProcess.start(name, {
        MIGRATION_ROLE: 'hub',
        MIGRATION_HUB_RELAYS: `ws+unix://${socket}:/migration/service`,
        MIGRATION_HUB_SERVER_NAME: name,
      });
    const joined = (at: AppProcess, ...names: string[]) =>
      eventually(async () => {
        const servers = (await at.stats()).relay!.servers.map(({ serverName }) => serverName);
        expect(servers.sort()).toEqual(names);
      });
    const relay = await startRelay();
    const old = await startHub('old');
    await joined(relay, 'old');
    const client = await connect(relay.url('/chat'));
    expect(await client.ask('who')).toMatchObject({ data: { server: 'old' } });
    await startHub('new');
    await joined(relay, 'new', 'old');
    await old.drain();
    expect(await client.ask('who')).toMatchObject({ data: { server: 'new' } });
    relay.kill('SIGKILL');
    expect((await client.closed).code).toBe(1006);
    const next = await startRelay();
    await joined(next, 'new');
    const again = await connect(next.url('/chat'));
    expect(await again.ask('who')).toMatchObject({ data: { server: 'new' } });
    await next.ask('close');
    expect(await next.exited).toEqual({ code: 0, signal: null });
    expect(existsSync(socket)).toBe(false);
  });
});

describe('an app', () => {
  it('with another WebSocket adapter does not start and says why', async () => {
    const app = new AppProcess('app', { E2E_FOREIGN_ADAPTER: '1' });
    expect(await app.exited).toEqual({ code: 1, signal: null });
    expect(app.output).toContain(
      'the application uses WsAdapter. Remove app.useWebSocketAdapter()',
    );
    expect(app.eventsOf('ready')).toEqual([]);
  });

  it('with wrong variables does not start and names each of them', async () => {
    const app = new AppProcess('app', {
      MIGRATION_ROLE: 'replay',
      MIGRATION_SHUTDOWN_TIMEOUT_MS: 'soon',
      MIGRATION_HUB_RELAY: 'ws://127.0.0.1:1',
    });
    expect(await app.exited).toEqual({ code: 1, signal: null });
    for (const variable of [
      'MIGRATION_ROLE',
      'MIGRATION_SHUTDOWN_TIMEOUT_MS',
      'MIGRATION_HUB_RELAY',
    ]) {
      expect(app.output).toContain(variable);
    }
    expect(app.output).toContain('MIGRATION_HUB_RELAYS');
  });
});
