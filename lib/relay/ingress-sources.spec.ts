import { afterEach, describe, expect, it } from 'vitest';
import {
  RawConnection,
  TestClient,
  TestHub,
  TestRelay,
  until,
  upgradeRequest,
} from '../../test/support/relay-fixture.js';
import { WsBatchSocket } from '../../test/support/ws-batch-socket.js';
import { resolveOptions } from '../options/index.js';
import type { MigrationOptions } from '../options/index.js';
import { createTokenSigner } from '../transport/service-token.js';
import { WebSocketTransport } from '../transport/web-socket-transport.js';

const PROXIED = 'PROXY TCP4 127.0.0.9 10.0.0.1 5678 80\r\n';
const HTTP = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

const SECRETS = ['a-secret-of-at-least-32-characters-is-long'];

let relay: TestRelay;
const start = async (options: MigrationOptions['relay'], secrets: string[] = []) => {
  relay = await TestRelay.start({
    security: { secrets },
    relay: { trustedProxies: ['127.0.0.1'], ingresses: ['a=10.0.0.1', 'b=127.0.0.1'], ...options },
  });
};
const seen = (id: string) => relay.relay.core.ingresses.get(id);
afterEach(() => relay.stop());

describe('clients and service connections of a relay', () => {
  it.each([
    ['the address of their peer', 'b', {}],
    ['a header', 'edge-1', { 'X-Ingress-Instance': 'edge-1' }],
  ])('have the ingress that is known by %s', async (_, id, headers) => {
    await start({ ingressHeader: 'x-ingress-instance' }, SECRETS);
    const { security } = resolveOptions({ security: { secrets: SECRETS } });
    const Authorization = `Bearer ${await createTokenSigner(security)!('hub-1')}`;
    const dialled = relay.client('/migration/service', { headers: { ...headers, Authorization } });
    await until(() => expect(dialled.open).toBe(true));
    const hub = new TestHub(new WebSocketTransport(new WsBatchSocket(dialled.ws)), [
      { port: 0, path: '/chat' },
    ]);
    await until(() => expect(hub.established).toBe(true));
    const client = relay.client('/chat', { headers });
    await until(() => expect(client.open).toBe(true));
    expect(seen(id)).toMatchObject({ serviceConnections: 1, links: 1, clients: 1 });
  });

  it('have the ingress that is known by the PROXY protocol', async () => {
    await start({ proxyProtocol: 'require', servicePort: 0 });
    relay.hub();
    relay.raw(PROXIED + upgradeRequest('/chat'));
    await until(() => expect(seen('a')).toMatchObject({ clients: 1 }));
    const origins: (string | undefined)[] = [];
    const attach = relay.relay.core.attach.bind(relay.relay.core);
    relay.relay.core.attach = (transport, origin) => {
      origins.push(origin?.ingress);
      return attach(transport, origin);
    };
    const port = relay.relay.servicePort()!;
    const peer = new RawConnection(port, PROXIED + upgradeRequest('/migration/service'));
    await until(() => expect(peer.received).toMatch(/^HTTP\/1\.1 101/));
    expect(origins).toEqual(['a']);
  });

  it('are cut on the own service port without a PROXY header that is required', async () => {
    await start({ proxyProtocol: 'require', servicePort: 0 });
    const port = relay.relay.servicePort()!;
    const bare = new RawConnection(port, HTTP);
    await until(() => expect(bare.ended).toBe(true));
    expect(bare.received).toBe('');
    const refused = new TestClient(`ws://127.0.0.1:${port}/migration/service`);
    await until(() => expect(refused.ws.readyState).toBe(refused.ws.CLOSED));
    expect(relay.lines.join('\n')).toContain('there is no header');
  });
});
