import { afterEach, describe, expect, it } from 'vitest';
import { TestRelay, upgradeRequest, until } from '../../test/support/relay-fixture.js';
import { InsecureRelayError } from './exposure-guard.js';

const SECRETS = ['a-secret-of-at-least-32-characters-is-long'];
let relay: TestRelay;
afterEach(() => relay.stop());

describe('a relay that anybody could join as a hub server', () => {
  it('refuses to start', async () => {
    relay = new TestRelay({}, true);
    await relay.relay.start();
    await expect(relay.listen('0.0.0.0')).rejects.toThrow(InsecureRelayError);
    expect(relay.httpServer.listening).toBe(false);
  });

  it('refuses to start on a server that listens already', async () => {
    relay = new TestRelay({}, true);
    await relay.listen('0.0.0.0');
    await expect(relay.relay.start()).rejects.toThrow(/security\.secrets/);
  });

  it('goes on without a service endpoint when it need not have one', async () => {
    relay = new TestRelay();
    await relay.relay.start();
    await relay.listen('0.0.0.0');
    expect(relay.lines).toEqual([expect.stringMatching(/^log: .*0\.0\.0\.0.*security\.secrets/)]);
    const peer = relay.client('/migration/service');
    await until(() => expect(peer.refusedWith?.status).toBe(404));
    relay.hub();
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
  });

  it.each([
    ['a secret', { security: { secrets: SECRETS } }, '0.0.0.0'],
    ['a loopback address', {}, '127.0.0.1'],
    ['an own loopback port', { relay: { servicePort: 0 } }, '0.0.0.0'],
  ])('is not one with %s', async (_, options, host) => {
    relay = new TestRelay(options, true);
    await relay.relay.start();
    await relay.listen(host);
    expect(relay.httpServer.listening).toBe(true);
  });
});

describe('a relay that stops', () => {
  it('closes clients with 1012, tells hub servers and leaves no socket', async () => {
    relay = await TestRelay.start();
    const hub = relay.hub();
    const clients = Array.from({ length: 20 }, () => relay.client());
    await until(() => expect(clients.every(({ open }) => open)).toBe(true));
    const [first, second] = [relay.relay.stop(), relay.relay.stop()];
    const late = relay.client();
    await Promise.all([first, second]);
    await until(() => expect(clients.every(({ closed }) => closed?.code === 1012)).toBe(true));
    expect(hub.links.map(({ closed }) => closed?.code)).toEqual(clients.map(() => 1012));
    expect(hub.ended?.code).toBe(1001);
    await until(() => expect(late.ws.readyState).toBe(late.ws.CLOSED));
    expect(relay.httpServer.listenerCount('upgrade')).toBe(0);
    const connections = () =>
      new Promise((resolve) => relay.httpServer.getConnections((_, count) => resolve(count)));
    await until(async () => expect(await connections()).toBe(0));
  });

  it('does not wait for ever for clients that do not answer', async () => {
    relay = await TestRelay.start({ relay: { paths: ['/chat'], closeTimeoutMs: 60_000 } });
    const held = relay.raw(upgradeRequest('/chat'));
    await until(() => expect(relay.relay.core.stats().waiting).toBe(1));
    await relay.relay.stop();
    expect(held.received).toMatch(/^HTTP\/1\.1 503/);
  });

  it('goes on when routing of the application fails', async () => {
    relay = await TestRelay.start({
      relay: {
        routing: () => {
          throw new Error('no luck');
        },
      },
    });
    relay.hub();
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
    expect(relay.lines.join()).toContain(
      'relay.routing failed, the default is used: Error: no luck',
    );
  });
});
