import { lstat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { listen } from './own-http-server.js';

/** Node.js says EACCES in both cases. */
const NO_FOLDER = 'its folder is not there, or this process must not write to it';

/**
 * Listens on a Unix socket; takes the place of one that a process has left behind which was killed.
 * @throws Error when something else has the path, or it cannot be used
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  try {
    await listen(server, { path });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw unusable(path, code === 'EACCES' ? NO_FOLDER : message);
    if (!(await lstat(path)).isSocket()) throw unusable(path, 'it is there and not a socket');
    if (await isServed(path)) throw unusable(path, 'another process listens on it');
    await unlink(path);
    await listen(server, { path });
  }
}

/** Whether somebody listens on a Unix socket. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'));
  });
}

const unusable = (path: string, cause: string) =>
  new Error(
    `relay.serviceSocket (MIGRATION_RELAY_SERVICE_SOCKET) is ${path}, which cannot be used: ${cause}`,
  );
