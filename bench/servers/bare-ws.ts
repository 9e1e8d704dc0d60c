import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type RawData, WebSocketServer } from 'ws';
import { PATH } from '../load/wire.js';
import { HOST, type StartedServer } from './started-server.js';

/** What a gateway does, written for `ws` alone. */
export async function startBareWs(): Promise<StartedServer> {
  const server = new WebSocketServer({ host: HOST, port: 0, path: PATH, clientTracking: true });
  server.on('connection', (client) => {
    client.on('message', (bytes: RawData) => {
      const { event, data } = JSON.parse((bytes as Buffer).toString()) as Record<string, string>;
      const message = JSON.stringify({ event: 'echo', data });
      if (event === 'echo') client.send(message);
      else for (const other of server.clients) other.send(message);
    });
  });
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}
