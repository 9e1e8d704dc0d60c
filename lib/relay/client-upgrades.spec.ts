import { afterEach, describe, expect, it } from 'vitest';
import {
  RawConnection,
  TestRelay,
  upgradeRequest,
  until,
} from '../../test/support/relay-fixture.js';
import type { MigrationOptions } from '../options/index.js';

let relay: TestRelay;
const start = async (options?: MigrationOptions) => (relay = await TestRelay.start(options));
afterEach(() => relay.stop());

/** The answer to an upgrade request, once the connection has ended. */
async function answer(text: string | Buffer, port = relay.port): Promise<string> {
  const raw = new RawConnection(port, text);
  await until(() => expect(raw.ended).toBe(true));
  return raw.received;
}
const statusOf = async (text: string) => Number((await answer(text)).split(' ')[1]);

describe('upgrades', () => {
  it('reach the hub server that announced the path', async () => {
    await start();
    const hub = relay.hub();
    const client = relay.client('/chat?room=1', { headers: { Cookie: 'a=1', 'X-Thing': 'ü' } });
    await until(() => expect(client.open).toBe(true));
    const { port, path, request } = hub.links[0]!.opened;
    expect({ port, path }).toEqual({ port: 0, path: '/chat' });
    expect(request).toMatchObject({
      method: 'GET',
      url: '/chat?room=1',
      httpVersion: '1.1',
      remoteAddress: '127.0.0.1',
      encrypted: false,
    });
    expect(request.remotePort).toBeGreaterThan(0);
    expect(request.rawHeaders[request.rawHeaders.indexOf('Cookie') + 1]).toBe('a=1');
    expect(request.rawHeaders[request.rawHeaders.indexOf('X-Thing') + 1]).toBe('ü');
  });

  it.each([
    ['/chat', 101],
    ['/chat?x=/other', 101],
    ['/a/../chat', 101],
    ['http://elsewhere/chat', 101],
    ['/chat/', 404],
    ['//chat', 404],
    ['/Chat', 404],
    ['/', 404],
    ['//', 400],
    ['http://[', 400],
  ])('compare the path as WsAdapter does: %s is %i', async (url, status) => {
    await start();
    relay.hub();
    const raw = relay.raw(upgradeRequest(url));
    await until(() => expect(raw.received).toMatch(/^HTTP\/1\.1 \d+/));
    expect(Number(raw.received.split(' ')[1])).toBe(status);
  });

  it('are refused with a whole HTTP answer', async () => {
    await start();
    const text = await answer(upgradeRequest('/unknown'));
    const [head, body] = text.split('\r\n\r\n') as [string, string];
    expect(head.split('\r\n').sort()).toEqual([
      'Connection: close',
      `Content-Length: ${body.length}`,
      'Content-Type: text/plain; charset=utf-8',
      'HTTP/1.1 404 Not Found',
    ]);
    expect(relay.relay.core.stats().refused).toEqual({ 404: 1 });
  });

  it.each([
    [400, upgradeRequest('/chat', { 'Sec-WebSocket-Key': undefined })],
    [400, upgradeRequest('/chat', { 'Sec-WebSocket-Key': 'short==' })],
    [400, upgradeRequest('/chat', { 'Sec-WebSocket-Protocol': 'a,,b' })],
    [400, upgradeRequest('/chat', { 'Sec-WebSocket-Protocol': 'a, a' })],
    [405, upgradeRequest('/chat', {}, 'POST')],
    [426, upgradeRequest('/chat', { 'Sec-WebSocket-Version': '12' })],
    [426, upgradeRequest('/chat', { 'Sec-WebSocket-Version': undefined })],
    [426, upgradeRequest('/chat', { Upgrade: 'h2c' })],
    [431, upgradeRequest('/chat', { 'X-Large': 'x'.repeat(1100) })],
    [431, upgradeRequest(`/chat?${'x'.repeat(1100)}`)],
    [431, upgradeRequest('/chat', { 'X-Node': 'x'.repeat(20_000) })],
  ])('are refused before a hub server is asked: %i', async (status, text) => {
    await start({ relay: { maxHeaderBytes: 1024 } });
    const hub = relay.hub();
    expect(await statusOf(text)).toBe(status);
    expect(hub.links).toEqual([]);
    expect(relay.relay.core.clientCount).toBe(0);
  });

  it('never make a request that a hub server would take for a fault of its relay', async () => {
    await start({ relay: { maxHeaderBytes: 1_048_576 } });
    const hub = relay.hub([{ port: 0, path: '/chat' }]);
    relay.httpServer.maxHeadersCount = 0;
    expect(await statusOf(upgradeRequest(`/chat?${'x'.repeat(70_000)}`))).toBe(431);
    expect(hub.links).toEqual([]);
  });

  it('are left alone when another library may take them', async () => {
    await start({ relay: { handshakeTimeoutMs: 200 } });
    relay.hub();
    relay.httpServer.on('upgrade', (request, socket) => {
      if (request.url === '/other') socket.end('theirs');
    });
    expect(await answer(upgradeRequest('/other'))).toBe('theirs');
    expect(await statusOf(upgradeRequest('/nobody'))).toBe(404);
    const raw = relay.raw(upgradeRequest('/nobody'));
    raw.socket.resetAndDestroy();
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
  });

  it('for a known path are held until a hub server is there', async () => {
    await start({ relay: { paths: ['/chat/'] } });
    const client = relay.client();
    await until(() => expect(relay.relay.core.stats().waiting).toBe(1));
    relay.hub();
    await until(() => expect(client.open).toBe(true));
  });

  it('for a known path without a hub server end with 503', async () => {
    await start({ relay: { paths: ['/chat'], holdUpgradeMs: 20 } });
    const client = relay.client();
    await until(() => expect(client.refusedWith?.status).toBe(503));
    expect(client.refusedWith?.headers['retry-after']).toBe('1');
  });

  it('are limited in total and per address', async () => {
    await start({
      relay: { maxConnections: 3, maxConnectionsPerAddress: 2, trustedProxies: ['127.0.0.1'] },
    });
    relay.hub();
    const from = (address: string) =>
      relay.client('/chat', { headers: { 'X-Forwarded-For': address } });
    const first = [from('1.1.1.1'), from('1.1.1.1')];
    await until(() => expect(first.every(({ open }) => open)).toBe(true));
    const third = from('1.1.1.1');
    await until(() => expect(third.refusedWith?.status).toBe(429));
    const other = from('2.2.2.2');
    await until(() => expect(other.open).toBe(true));
    const last = from('3.3.3.3');
    await until(() => expect(last.refusedWith?.status).toBe(503));
    expect(last.refusedWith?.headers['retry-after']).toBe('5');
    first[0]!.ws.close();
    await until(() => expect(relay.relay.core.clientCount).toBe(2));
    await until(async () => {
      const again = from('1.1.1.1');
      await until(() => expect(again.open || again.refusedWith).toBeTruthy());
      expect(again.open).toBe(true);
    });
  });

  it('are limited in their rate, while admitted clients go on', async () => {
    await start({ relay: { maxNewConnectionsPerSecond: 5 } });
    const hub = relay.hub();
    const clients = Array.from({ length: 60 }, () => relay.client());
    await until(() => {
      expect(clients.every(({ open, refusedWith }) => open || refusedWith)).toBe(true);
    });
    const refused = clients.filter(({ refusedWith }) => refusedWith);
    expect(refused.length).toBeGreaterThan(20);
    expect(refused.every(({ refusedWith }) => refusedWith!.status === 503)).toBe(true);
    expect(refused[0]!.refusedWith!.headers['retry-after']).toBe('1');
    const admitted = clients.find(({ open }) => open)!;
    hub.links[0]!.send('hello');
    await until(() => expect(clients.some(({ messages }) => messages.length > 0)).toBe(true));
    expect(admitted.open).toBe(true);
  });

  it('that never become whole are ended by the HTTP server', async () => {
    await start();
    relay.hub();
    const garbage = await answer(Buffer.from('\0\x01\xfe garbage\r\n\r\n', 'latin1'));
    expect(garbage).toMatch(/^HTTP\/1\.1 400/);
    const half = relay.raw(upgradeRequest('/chat').slice(0, 60));
    half.socket.end();
    await until(() => expect(half.ended).toBe(true));
    expect(relay.relay.core.clientCount).toBe(0);
  });

  it('do not outlive a client that hangs up while it is held', async () => {
    await start({ relay: { paths: ['/chat'], holdUpgradeMs: 60_000 } });
    const polite = relay.raw(upgradeRequest('/chat'));
    const rude = relay.raw(upgradeRequest('/chat'));
    await until(() => expect(relay.relay.core.stats().waiting).toBe(2));
    polite.socket.end();
    rude.socket.resetAndDestroy();
    await until(() => expect(relay.relay.core.stats()).toMatchObject({ waiting: 0, clients: 0 }));
  });

  it('do not outlive a client that hangs up while a hub server decides', async () => {
    await start();
    const hub = relay.hub();
    hub.onOpen = () => {};
    const raw = relay.raw(upgradeRequest('/chat'));
    await until(() => expect(hub.links).toHaveLength(1));
    raw.socket.resetAndDestroy();
    await until(() => expect(hub.links[0]!.closed?.code).toBe(1006));
    await until(() => expect(relay.relay.core.clientCount).toBe(0));
    expect(relay.relay.core.stats().refused).toEqual({});
  });
});
