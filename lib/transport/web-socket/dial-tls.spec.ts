import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { serverFrame } from '../../../test/support/client-frame.js';
import { hasIpv6 } from '../../../test/support/ipv6.js';
import { stranger, trusted } from '../../../test/support/tls.js';
import type { Identity } from '../../../test/support/tls.js';
import { until } from '../../../test/support/until.js';
import { BATCH_ROOM_BYTES, FramedBatchSocket } from './batch-socket.js';
import { dialWebSocket } from './dial.js';
import type { Dialled } from './dial.js';
import { grantUpgrade } from './handshake.js';

const MOST_BYTES = 1 << 22;

let server: Server;
let accepted: Socket[];
let names: (string | undefined)[];

/** A server that grants upgrades and has this done with them. */
async function listen(
  identity: Identity,
  onGranted: (socket: Socket, head: Buffer) => void = () => {},
): Promise<number> {
  accepted = [];
  names = [];
  server = createServer({
    ...identity,
    SNICallback: (name, done) => {
      names.push(name);
      done(null, createSecureContext(identity));
    },
  });
  server.on('upgrade', (request, socket: Socket, head) => {
    accepted.push(socket);
    socket.on('error', () => {});
    grantUpgrade(request, socket);
    onGranted(socket, head);
  });
  server.listen(0);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const dial = (url: string): Promise<Dialled> =>
  dialWebSocket(url, { timeoutMs: 10_000, headers: {}, signal: new AbortController().signal });

afterEach(() => {
  vi.unstubAllEnvs();
  for (const socket of accepted) socket.destroy();
  server.close();
});

describe('dialWebSocket, wss:', () => {
  it('verifies the certificate by the authorities of Node.js, and names the server', async () => {
    const port = await listen(trusted);
    const { socket } = await dial(`wss://localhost:${port}/service`);
    expect((socket as TLSSocket).authorized).toBe(true);
    expect(names).toEqual(['localhost']);
    socket.destroy();
  });

  it.skipIf(!hasIpv6)('names no server that is an address', async () => {
    // Node.js 22.23 finds no IPv6 address in a certificate: what it makes of one is asked of it.
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const port = await listen(trusted);
    const { socket } = await dial(`wss://[::1]:${port}/service`);
    const tls = socket as TLSSocket;
    const objection = checkServerIdentity('::1', tls.getPeerCertificate());
    expect(tls.authorized).toBe(objection === undefined);
    expect(names).toEqual([]);
    socket.destroy();
  });

  it('refuses a certificate that nobody it trusts has signed', async () => {
    const port = await listen(stranger);
    await expect(dial(`wss://localhost:${port}`)).rejects.toThrow(/^self-signed certificate/);
    expect(accepted).toEqual([]);
  });

  it('refuses a certificate for others', async () => {
    const port = await listen(trusted);
    await expect(dial(`wss://127.0.0.1:${port}`)).rejects.toThrow(
      /does not match certificate's altnames: IP: 127\.0\.0\.1 is not in the cert's list/,
    );
    expect(accepted).toEqual([]);
  });

  it('takes any where Node.js is told so', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const port = await listen(stranger);
    const { socket } = await dial(`wss://localhost:${port}`);
    expect((socket as TLSSocket).authorized).toBe(false);
    socket.destroy();
  });

  it('fails where nothing speaks TLS', async () => {
    const port = await listen(trusted);
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(dial(`wss://localhost:${port}`)).rejects.toThrow(/wrong version number|EPROTO/);
  });

  it('carries batches of any size both ways, also what comes right behind the answer', async () => {
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 70_000, 3_000_000];
    const came: number[] = [];
    const port = await listen(trusted, (socket, head) => {
      socket.write(serverFrame({ opcode: 2, final: true, payload: Buffer.alloc(5, 7) }));
      const end = new FramedBatchSocket(socket, head, 'client', MOST_BYTES);
      end.start({
        onMessage: (data) => {
          end.send(
            Buffer.concat([Buffer.alloc(BATCH_ROOM_BYTES), data]),
            BATCH_ROOM_BYTES + data.length,
          );
        },
        onFault: () => {},
        onClosed: () => {},
      });
    });
    const { socket, head } = await dial(`wss://localhost:${port}/service`);
    const end = new FramedBatchSocket(socket, head, 'server', MOST_BYTES);
    const closed = new Promise((resolve) => {
      end.start({
        onMessage: (data) => {
          expect(data.every((byte) => byte === 7)).toBe(true);
          came.push(data.length);
        },
        onFault: (...fault) => resolve(fault),
        onClosed: (...how) => resolve(how),
      });
    });
    for (const size of sizes)
      end.send(Buffer.alloc(BATCH_ROOM_BYTES + size, 7), BATCH_ROOM_BYTES + size);
    await until(() => expect(came).toEqual([5, ...sizes]));
    end.close(1000, 'done');
    expect(await closed).toEqual([1000, 'done']);
    await until(() => expect(accepted[0]!.destroyed).toBe(true));
  });
});
