import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestRelay, until } from '../../test/support/relay-fixture.js';
import { ServiceCloseCode } from '../protocol/errors.js';
import { InProcessTransport } from '../protocol/in-process-transport.js';
import {
  findConnection,
  findServer,
  listConnections,
  listServiceConnections,
} from './relay-views.js';

let relay: TestRelay;
beforeEach(async () => {
  relay = await TestRelay.start({ relay: { paths: ['/chat'], hubReconnectGraceMs: 60_000 } });
});
afterEach(() => relay.stop());

const core = () => relay.relay.core;
const states = () => listConnections(core(), { limit: 10 }).connections.map(({ state }) => state);

describe('the view of a connection', () => {
  it('is opening until a hub server takes the client, which may not be there yet', async () => {
    relay.client();
    await until(() => expect(states()).toEqual(['opening']));
    const [held] = core().connections.keys();
    expect(findConnection(core(), held!)).toEqual({
      connectionId: held,
      state: 'opening',
      endpoint: { port: 0, path: '/chat' },
      address: '127.0.0.1',
      retainedBytes: 0,
      migratable: true,
    });
    const hub = relay.hub();
    hub.onOpen = () => {};
    await until(() => expect(hub.links).toHaveLength(1));
    expect(findConnection(core(), held!)).toMatchObject({ state: 'opening', link: 1, epoch: 1 });
    hub.links[0]!.accept();
    await until(() => expect(states()).toEqual(['open']));
  });

  it('shows what waits to be handled', async () => {
    const hub = relay.hub();
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
    hub.links[0]!.onData = () => {};
    client.ws.send('123456');
    const retained = () => listConnections(core(), { limit: 1 }).connections[0]!.retainedBytes;
    await until(() => expect(retained()).toBeGreaterThanOrEqual(6));
  });

  it('is detached while its hub server is away', async () => {
    const hub = relay.hub();
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
    hub.session.end(ServiceCloseCode.Internal, 'lost');
    await until(() => expect(states()).toEqual(['detached']));
    const [connection] = listConnections(core(), { limit: 1 }).connections;
    expect(connection).toMatchObject({ server: 'hub-1' });
    expect(connection).not.toHaveProperty('serviceConnection');
    expect(connection).not.toHaveProperty('link');
    expect(findServer(core(), 'hub-1')).toMatchObject({ connections: 1, serviceConnections: 0 });
  });

  it('is closing while its gateway closes it', async () => {
    const hub = relay.hub();
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
    client.ws.pause();
    hub.links[0]!.close(4000, 'enough');
    await until(() => expect(states()).toEqual(['closing']));
  });
});

describe('the view of a service connection', () => {
  it('is connecting until its handshake', async () => {
    const [relayEnd] = InProcessTransport.pair();
    const session = core().attach(relayEnd, { ingress: 'a' });
    expect(listServiceConnections(core())).toEqual([
      { id: session.id, state: 'connecting', ingress: 'a', links: 0, avoided: false },
    ]);
  });
});
