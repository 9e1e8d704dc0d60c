import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import type { ResolvedRelayOptions } from '../options/index.js';
import type { ProxyProtocolGate } from './proxy-protocol-gate.js';
import type { Upgrade } from './upgrade-request.js';

export type OwnServerOptions = Pick<ResolvedRelayOptions, 'maxHeaderBytes' | 'handshakeTimeoutMs'>;

const LONGEST_CHECK_MS = 30_000;

/**
 * An HTTP server for upgrades alone. Plain requests are answered with `status`.
 * @param gate reads the PROXY protocol, where proxies may connect
 */
export function createOwnServer(
  { maxHeaderBytes, handshakeTimeoutMs }: OwnServerOptions,
  status: number,
  gate: ProxyProtocolGate | undefined,
  onUpgrade: (upgrade: Upgrade) => void,
): Server {
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: handshakeTimeoutMs,
      requestTimeout: handshakeTimeoutMs,
      connectionsCheckingInterval: Math.min(handshakeTimeoutMs, LONGEST_CHECK_MS),
    },
    (_request, response) => {
      response.writeHead(status, { Connection: 'close', 'Content-Type': 'text/plain' });
      response.end(status === 404 ? 'not found\n' : 'only WebSockets are served here\n');
    },
  );
  gate?.guard(server);
  server.on('upgrade', (request, socket, head) =>
    onUpgrade({ request, socket: socket as Upgrade['socket'], head }),
  );
  return server;
}

/** Resolves once the server listens. */
export function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Stops listening and ends plain HTTP connections; upgraded sockets are not the server's any more. */
export function stopListening(server: Server): void {
  server.close();
  server.closeAllConnections();
}
