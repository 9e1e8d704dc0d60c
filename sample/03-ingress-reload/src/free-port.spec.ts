import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from './free-port.js';

it('gives a port on which a server can listen', async () => {
  const server = createServer();
  onTestFinished(() => void server.close());
  server.listen(await freePort(), '127.0.0.1');
  await once(server, 'listening');
  expect(server.listening).toBe(true);
});
