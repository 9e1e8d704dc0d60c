import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  RawConnection,
  TestClient,
  TestHub,
  TestRelay,
  upgradeRequest,
  until,
} from '../../test/support/relay-fixture.js';
import { WsBatchSocket } from '../../test/support/ws-batch-socket.js';
import { resolveOptions } from '../options/index.js';
import type { MigrationOptions, SecurityOptions } from '../options/index.js';
import { createTokenSigner } from '../transport/service-token.js';
import { WebSocketTransport } from '../transport/web-socket-transport.js';

const SECRETS = [
  'first-secret-of-at-least-32-characters',
  'other-secret-of-at-least-32-characters',
];
const PATH = '/migration/service';

let relay: TestRelay;
const start = async (options?: MigrationOptions) => (relay = await TestRelay.start(options));
afterEach(() => relay.stop());

const token = (security: Partial<SecurityOptions>, serverId = 'hub-1') =>
  createTokenSigner(resolveOptions({ security }).security)!(serverId);
const bearer = (text: string) => ({ headers: { Authorization: `Bearer ${text}` } });

async function dial(headers: { headers?: Record<string, string> } = {}, port = relay.port) {
  const client = new TestClient(`ws://127.0.0.1:${port}${PATH}`, headers);
  await until(() => expect(client.open || client.refusedWith).toBeTruthy());
  return client;
}

describe('service connections', () => {
  it('of this machine need no key when none is configured', async () => {
    await start();
    const { ws } = await dial();
    const hub = new TestHub(new WebSocketTransport(new WsBatchSocket(ws)), [
      { port: 0, path: '/chat' },
    ]);
    await until(() => expect(hub.established).toBe(true));
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
    client.ws.send('hello');
    await until(() => expect(hub.links[0]?.messages[0]?.data.toString()).toBe('hello'));
  });

  it.each(['Forwarded', 'X-Forwarded-For', 'Via', 'X-Real-IP', 'Origin'])(
    'without a key are refused when they come with the header %s',
    async (name) => {
      await start();
      const { refusedWith } = await dial({ headers: { [name]: '127.0.0.1' } });
      expect(refusedWith).toMatchObject({ status: 403 });
    },
  );

  it.each([
    ['by a proxy that is believed', '127.0.0.1'],
    ['by whomever', '10.0.0.1'],
  ])('without a key are refused when they name an ingress, %s', async (_, proxy) => {
    await start({ relay: { ingressHeader: 'X-Ingress-Instance', trustedProxies: [proxy] } });
    const { refusedWith } = await dial({ headers: { 'x-ingress-instance': 'edge-1' } });
    expect(refusedWith).toMatchObject({
      status: 403,
      body: expect.stringContaining('only direct connections of this machine are accepted'),
    });
    expect((await dial()).open).toBe(true);
  });

  it('with a token may name an ingress', async () => {
    await start({
      security: { secrets: SECRETS },
      relay: { ingressHeader: 'X-Ingress-Instance', trustedProxies: ['127.0.0.1'] },
    });
    const { headers } = bearer(await token({ secrets: SECRETS }));
    const hub = await dial({ headers: { ...headers, 'x-ingress-instance': 'edge-1' } });
    expect(hub.open).toBe(true);
    const [session] = relay.relay.core.serviceConnections;
    expect(session!.ingress).toBe('edge-1');
  });

  it('need a token when a secret is configured', async () => {
    await start({ security: { secrets: SECRETS } });
    const { refusedWith } = await dial();
    expect(refusedWith).toMatchObject({ status: 401, body: 'a bearer token is required' });
    expect(refusedWith!.headers['www-authenticate']).toBe('Bearer');
    for (const secret of SECRETS) {
      const { open } = await dial(bearer(await token({ secrets: [secret] })));
      expect(open).toBe(true);
    }
    const wrong = await token({ secrets: ['a-secret-that-the-relay-does-not-know'] });
    const failed = await dial(bearer(wrong));
    expect(failed.refusedWith).toMatchObject({
      status: 401,
      body: 'the signature matches no configured key',
    });
    expect(relay.lines).toEqual([
      'warn: Service connection refused: a bearer token is required (from 127.0.0.1)',
    ]);
    expect(relay.lines.join()).not.toContain(wrong);
  });

  it('cannot use the token of another server', async () => {
    await start({ security: { secrets: SECRETS } });
    const { ws } = await dial(bearer(await token({ secrets: SECRETS }, 'hub-2')));
    const hub = new TestHub(new WebSocketTransport(new WsBatchSocket(ws)), [], 'hub-1');
    await until(() => expect(hub.ended?.code).toBe(4409));
    expect(relay.relay.core.stats().servers).toEqual([]);
  });

  it('are limited in number', async () => {
    await start({ relay: { maxServiceConnections: 1 } });
    const first = await dial();
    expect((await dial()).refusedWith).toMatchObject({ status: 503 });
    first.ws.close();
    await until(async () => expect((await dial()).open).toBe(true));
  });

  it('that send garbage are closed with a reason, and nobody else is disturbed', async () => {
    await start();
    const hub = relay.hub();
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
    for (const [bytes, code] of [
      [Buffer.from('garbage that is no frame'), 4413],
      [Buffer.from([0x20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xc1]), 4400],
      [Buffer.from([0x22, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80]), 4403],
      ['text', 4400],
    ] as const) {
      const peer = await dial();
      peer.ws.send(bytes);
      await until(() => expect(peer.closed?.code).toBe(code));
      expect(peer.closed!.reason).not.toBe('');
    }
    const raw = new RawConnection(relay.port, upgradeRequest(PATH, { 'Sec-WebSocket-Key': 'no' }));
    await until(() => expect(raw.received).toContain('400 Bad Request'));
    hub.links[0]!.send('still here');
    await until(() => expect(client.messages).toHaveLength(1));
    expect(relay.relay.core.sessionCount).toBe(1);
  });

  it('may announce options that they do not use as nil', async () => {
    await start();
    const { ws } = await dial();
    const nothing = { maxPayload: null, compress: null, level: null } as object;
    const hub = new TestHub(new WebSocketTransport(new WsBatchSocket(ws)), [
      { port: 0, path: '/chat', ...nothing },
    ]);
    await until(() => expect(hub.established).toBe(true));
    const client = relay.client();
    await until(() => expect(client.open).toBe(true));
    client.ws.send('hello');
    await until(() => expect(hub.links[0]?.messages).toHaveLength(1));
    expect(client.closed).toBeUndefined();
  });

  it('that say nothing are closed', async () => {
    await start({ relay: { handshakeTimeoutMs: 30 } });
    const silent = new TestClient(`ws://127.0.0.1:${relay.port}${PATH}`);
    await until(() => expect(silent.closed?.code).toBe(4408));
  });

  describe('over an own Unix socket', () => {
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    afterAll(() => rmSync(folder, { recursive: true }));
    const socket = join(folder, 'relay.sock');
    const options = { relay: { serviceSocket: socket } };
    const over = async (headers = {}, path = PATH) => {
      const client = new TestClient(`ws+unix://${socket}:${path}`, headers);
      await until(() => expect(client.open || client.refusedWith).toBeTruthy());
      return client;
    };

    it('need no key, and nothing else is served there', async () => {
      await start(options);
      const { ws } = await over();
      const hub = new TestHub(new WebSocketTransport(new WsBatchSocket(ws)), [
        { port: 0, path: '/chat' },
      ]);
      await until(() => expect(hub.established).toBe(true));
      expect((await dial()).refusedWith?.status).toBe(404);
      expect((await over({}, '/chat')).refusedWith?.status).toBe(404);
      expect((await over({ headers: { Via: 'a proxy' } })).refusedWith?.status).toBe(403);
      expect(relay.lines.at(-1)).toMatch(/^warn: .*without security\.secrets.*the Unix socket/);
    });

    it('need a token when a secret is configured, and no PROXY header', async () => {
      const trustedProxies = ['10.0.0.1'];
      const security = { secrets: SECRETS };
      await start({
        relay: { ...options.relay, proxyProtocol: 'require', trustedProxies },
        security,
      });
      expect((await over()).refusedWith?.status).toBe(401);
      expect((await over(bearer(await token(security)))).open).toBe(true);
    });

    it('are served where the application listens on all addresses', async () => {
      relay = new TestRelay(options, true);
      await relay.relay.start();
      await relay.listen('0.0.0.0');
      expect((await over()).open).toBe(true);
    });

    it('end with the relay, and the socket is gone', async () => {
      await start(options);
      const { ws } = await over();
      const closed = once(ws, 'close');
      await Promise.all([relay.relay.stop(), relay.relay.stop(), closed]);
      expect(existsSync(socket)).toBe(false);
    });

    it('are served where a killed process has left its socket behind', async () => {
      const left = `require('net').createServer().listen('${socket}', () => process.kill(process.pid, 'SIGKILL'))`;
      spawnSync(process.execPath, ['-e', left]);
      expect(existsSync(socket)).toBe(true);
      await start(options);
      expect((await over()).open).toBe(true);
    });

    it('are not served where another relay serves them, which goes on', async () => {
      await start(options);
      await expect(new TestRelay(options).relay.start()).rejects.toThrow(
        `relay.serviceSocket (MIGRATION_RELAY_SERVICE_SOCKET) is ${socket}, which cannot be used: another process listens on it`,
      );
      expect((await over()).open).toBe(true);
    });

    it.each([
      ['there is a file', join(folder, 'file'), 'it is there and not a socket'],
      ['there is no folder', join(folder, 'no', 'folder'), 'its folder is not there'],
    ])('are not served where %s', async (_, serviceSocket, cause) => {
      writeFileSync(join(folder, 'file'), 'kept');
      relay = new TestRelay({ relay: { serviceSocket } });
      await expect(relay.relay.start()).rejects.toThrow(cause);
      expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('kept');
    });
  });

  it('have their own port by option, on which nothing else is served', async () => {
    await start({ relay: { servicePort: 0, handshakeTimeoutMs: 100 } });
    const port = relay.relay.servicePort()!;
    expect((await dial({}, port)).open).toBe(true);
    expect((await dial()).refusedWith?.status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}${PATH}`)).status).toBe(404);
    const raw = new RawConnection(port, upgradeRequest('/chat'));
    await until(() => expect(raw.received).toMatch(/^HTTP\/1\.1 404/));
    const half = new RawConnection(port, upgradeRequest(PATH).slice(0, 70));
    await until(() => expect(half.ended).toBe(true));
    expect(half.received).toMatch(/^HTTP\/1\.1 408/);
    await relay.relay.stop();
    const late = new WebSocket(`ws://127.0.0.1:${port}${PATH}`);
    await new Promise((resolve) => void late.once('error', resolve));
  });
});
