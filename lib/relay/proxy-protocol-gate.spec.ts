import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { v2Header } from '../../test/support/proxy-headers.js';
import { TestRelay, until, upgradeRequest } from '../../test/support/relay-fixture.js';
import { ProxyProtocolGate, ProxyProtocolOverTlsError } from './proxy-protocol-gate.js';

const SECRETS = ['a-secret-of-at-least-32-characters-is-long'];
const CLIENT = { address: '1.2.3.4', port: 5678 };
const V1 = 'PROXY TCP4 1.2.3.4 10.0.0.1 5678 80\r\n';
const HTTP = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

let relay: TestRelay;
afterEach(() => relay.stop());

const start = async (proxyProtocol: 'accept' | 'require', trustedProxies = ['127.0.0.1']) => {
  relay = await TestRelay.start({
    relay: { proxyProtocol, trustedProxies, ingresses: ['a=10.0.0.1:80', 'b=10.0.0.0/8'] },
  });
};
const answerTo = async (text: string) => {
  const connection = relay.raw(text);
  await until(() => expect(connection.received).toContain('app\n'));
};

describe('connections behind the PROXY protocol', () => {
  it.each([
    ['version 1', Buffer.from(V1)],
    ['version 2', v2Header(CLIENT, { address: '10.0.0.1', port: 80 }, 20)],
  ])('of %s are those of the client, through the ingress it connected to', async (_, header) => {
    await start('require');
    const hub = relay.hub();
    relay.raw(Buffer.concat([header, Buffer.from(upgradeRequest('/chat'))]));
    await until(() => expect(hub.links.length).toBe(1));
    const { remoteAddress, remotePort } = hub.links[0]!.opened.request;
    expect([remoteAddress, remotePort]).toEqual([CLIENT.address, CLIENT.port]);
    expect(relay.relay.core.ingresses.get('a')).toMatchObject({ clients: 1 });
    expect(relay.relay.core.ingresses.get('b')).toMatchObject({ clients: 0 });
  });

  it('may come byte by byte, and keep their plain HTTP, also kept alive', async () => {
    await start('accept');
    const socket = connect(relay.port, '127.0.0.1');
    let answer = '';
    socket.setNoDelay(true).on('data', (data) => (answer += data.toString()));
    for (const byte of V1 + HTTP) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => expect(answer.match(/app\n/g)).toHaveLength(1));
    socket.write(HTTP);
    await until(() => expect(answer.match(/app\n/g)).toHaveLength(2));
    socket.destroy();
  });

  it('may do without a header where one is only accepted', async () => {
    await start('accept');
    await answerTo(HTTP);
  });

  it('get no header read that come from strangers', async () => {
    await start('accept', ['10.0.0.1']);
    await answerTo(HTTP);
    const connection = relay.raw(V1 + HTTP);
    await until(() => expect(connection.ended).toBe(true));
    expect(connection.received).toContain('400 Bad Request');
  });

  it.each([
    ['without a header', ['127.0.0.1'], HTTP, 'there is no header'],
    ['from strangers', ['10.0.0.1'], V1 + HTTP, 'not one of relay.trustedProxies'],
    ['with a malformed header', ['127.0.0.1'], 'PROXY TCP5\r\n', 'malformed version 1 header'],
  ])('are cut %s', async (_, trusted, text, reason) => {
    await start('require', trusted);
    const connection = relay.raw(text);
    await until(() => expect(connection.ended).toBe(true));
    expect(connection.received).toBe('');
    expect(relay.lines.join('\n')).toContain(reason);
  });

  it('are cut when the header does not come in time or ends half', async () => {
    relay = await TestRelay.start({
      relay: { proxyProtocol: 'accept', trustedProxies: ['127.0.0.1'], handshakeTimeoutMs: 100 },
    });
    const silent = relay.raw('PROX');
    const half = connect(relay.port, '127.0.0.1').end('PROXY TCP4');
    let isClosed = false;
    half
      .on('error', () => {})
      .on('close', () => (isClosed = true))
      .resume();
    await until(() => expect([silent.ended, isClosed]).toEqual([true, true]));
  });

  it.each([
    ['another machine', V1, '403'],
    ['nobody knows where', 'PROXY UNKNOWN\r\n', '403'],
    ['this machine', 'PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n', '101'],
  ])(
    'let hub servers without a token in from this machine alone: %s',
    async (_, header, status) => {
      await start('accept');
      const connection = relay.raw(header + upgradeRequest('/migration/service'));
      await until(() => expect(connection.received).toContain(`HTTP/1.1 ${status}`));
    },
  );

  it('that only see whether the port is open are nothing to log', async () => {
    await start('require');
    let isClosed = false;
    const check = connect(relay.port, '127.0.0.1').end();
    check.on('close', () => (isClosed = true)).resume();
    await until(() => expect(isClosed).toBe(true));
    expect(relay.lines).toEqual([]);
  });

  it('get the smallest range that has their address', async () => {
    relay = await TestRelay.start({ relay: { ingresses: ['all=0.0.0.0/0', 'host=127.0.0.0/8'] } });
    relay.hub();
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
    expect(relay.relay.core.ingresses.get('host')).toMatchObject({ clients: 1 });
  });

  it('need a server that does not end TLS itself', async () => {
    await start('accept');
    const options = { proxyProtocol: 'accept', handshakeTimeoutMs: 1 } as const;
    const gate = new ProxyProtocolGate(options, () => true, {} as never, {} as never);
    expect(() => gate.guard(createHttpsServer() as never)).toThrow(ProxyProtocolOverTlsError);
  });
});

describe('the ingress that a proxy names by a header', () => {
  const headers = { 'X-Ingress-Instance': 'edge-1' };

  it('is that of clients and service connections', async () => {
    relay = await TestRelay.start({
      security: { secrets: SECRETS },
      relay: { ingressHeader: 'x-ingress-instance', trustedProxies: ['127.0.0.1'] },
    });
    relay.hub();
    const client = relay.client('/chat', { headers });
    await until(() => expect(client.open).toBe(true));
    expect(relay.relay.core.ingresses.list()).toMatchObject([{ ingress: 'edge-1', clients: 1 }]);
  });

  it.each([
    ['a stranger sends it', ['10.0.0.1'], headers],
    ['it is too long', ['127.0.0.1'], { 'X-Ingress-Instance': 'x'.repeat(129) }],
  ])('is not known when %s', async (_, trustedProxies, sent) => {
    relay = await TestRelay.start({
      relay: { ingressHeader: 'x-ingress-instance', trustedProxies, ingresses: ['peer=127.0.0.1'] },
    });
    relay.hub();
    const client = relay.client('/chat', { headers: sent });
    await until(() => expect(client.open).toBe(true));
    expect(relay.relay.core.ingresses.list()).toMatchObject([{ ingress: 'peer', clients: 1 }]);
  });
});
