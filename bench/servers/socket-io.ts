import { createAdapter } from '@socket.io/redis-streams-adapter';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { HOST, type StartedServer } from './started-server.js';

/**
 * A node of Socket.IO 4 for clients of the WebSocket transport alone.
 * @param redisPort of the Redis that joins it with the others
 */
export async function startSocketIo(redisPort: number): Promise<StartedServer> {
  const redis = createClient({ socket: { host: HOST, port: redisPort } });
  redis.on('error', (error: Error) => console.error(error.message));
  await redis.connect();
  const http = createServer();
  const server = new Server(http, { transports: ['websocket'], adapter: createAdapter(redis) });
  server.on('connection', (socket) => {
    socket.on('echo', (data: string) => socket.emit('echo', data));
    socket.on('fanOut', (data: string) => server.emit('echo', data));
  });
  http.listen(0, HOST);
  await once(http, 'listening');
  return {
    port: (http.address() as AddressInfo).port,
    close: async () => {
      await server.close();
      redis.destroy();
    },
  };
}
