import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TestClient, TestRelay, until } from '../../test/support/relay-fixture.js';

let relay: TestRelay;
afterEach(() => relay.stop());

/** A port that was free a moment ago, and whoever may hold it. */
async function reserve() {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, free: () => new Promise((resolve) => void server.close(resolve)) };
}

describe('own gateway ports', () => {
  it('are opened when a hub server announces them', async () => {
    relay = await TestRelay.start({ relay: { gatewayHost: '127.0.0.1' } });
    const { port, free } = await reserve();
    await free();
    const hub = relay.hub([
      { port, path: '/game' },
      { port: 0, path: '/chat' },
    ]);
    await until(() => expect(relay.lines.join()).toContain(`Gateway port ${port} is open`));
    const client = new TestClient(`ws://127.0.0.1:${port}/game`);
    await until(() => expect(client.open).toBe(true));
    expect(hub.links[0]!.opened).toMatchObject({ port, path: '/game' });
    const other = new TestClient(`ws://127.0.0.1:${port}/chat`);
    await until(() => expect(other.refusedWith?.status).toBe(404));
    expect((await fetch(`http://127.0.0.1:${port}/game`)).status).toBe(426);
    relay.hub([{ port, path: '/game' }], 'hub-2');
    await relay.relay.stop();
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
  });

  it('take every path when the gateway named none', async () => {
    relay = await TestRelay.start({ relay: { gatewayHost: '127.0.0.1' } });
    const { port, free } = await reserve();
    await free();
    const hub = relay.hub([{ port, path: '*' }]);
    await until(() => expect(relay.lines.join()).toContain('is open'));
    const client = new TestClient(`ws://127.0.0.1:${port}/any/path`);
    await until(() => expect(client.open).toBe(true));
    expect(hub.links[0]!.opened).toMatchObject({ port, path: '*' });
  });

  it('are behind a proxy that has to speak the PROXY protocol, when that is required', async () => {
    relay = await TestRelay.start({
      relay: {
        gatewayHost: '127.0.0.1',
        proxyProtocol: 'require',
        trustedProxies: ['127.0.0.1'],
        ingresses: ['edge=10.0.0.1:8000'],
      },
    });
    const { port, free } = await reserve();
    await free();
    const hub = relay.hub([{ port, path: '/game' }]);
    await until(() => expect(relay.lines.join()).toContain(`Gateway port ${port} is open`));
    const url = `ws://127.0.0.1:${port}/game`;
    const client = new TestClient(url, {
      createConnection: () => {
        const socket = connect(port, '127.0.0.1');
        socket.write('PROXY TCP4 1.2.3.4 10.0.0.1 5678 8000\r\n');
        return socket;
      },
    });
    await until(() => expect(client.open).toBe(true));
    const { request } = hub.links[0]!.opened;
    expect([request.remoteAddress, request.remotePort]).toEqual(['1.2.3.4', 5678]);
    expect(relay.relay.core.ingresses.get('edge')).toMatchObject({ clients: 1 });
    client.ws.send('up');
    hub.links[0]!.send('down');
    await until(() =>
      expect([hub.links[0]!.messages, client.messages]).toMatchObject([[{}], [{}]]),
    );
    const direct = new TestClient(url);
    await until(() => expect(direct.closed?.code).toBe(1006));
    expect([direct.refusedWith, hub.links.length]).toEqual([undefined, 1]);
    expect(relay.lines.join()).toContain('there is no header');
  });

  it('that cannot be opened are logged, and opened once a hub server announces them again', async () => {
    relay = await TestRelay.start({ relay: { gatewayHost: '127.0.0.1' } });
    const { port, free } = await reserve();
    relay.hub([{ port, path: '/game' }]);
    await until(() =>
      expect(relay.lines.find((line) => line.startsWith('error'))).toMatch(
        new RegExp(`Gateway port ${port} cannot be opened: .*EADDRINUSE`),
      ),
    );
    await free();
    relay.hub([{ port, path: '/game' }], 'hub-2');
    await until(() => expect(relay.lines.join()).toContain(`Gateway port ${port} is open`));
  });

  it('are not opened when the options do not name them', async () => {
    relay = await TestRelay.start({ relay: { gatewayPorts: [1] } });
    relay.hub([{ port: 65_535, path: '/game' }]);
    await until(() =>
      expect(relay.lines).toContain(
        'error: Gateway port 65535 is not opened: relay.gatewayPorts does not name it',
      ),
    );
  });
});
