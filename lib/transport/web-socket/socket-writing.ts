import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';

interface WritingSocket extends Socket {
  _handle?: { readonly fd?: number } | null;
}

/**
 * Writes to the operating system at once, without the queue of the stream, whose states, callbacks and ticks
 * cost more than all else that a short message takes. Only while the queue is empty, so nothing is overtaken.
 * @param socket one that is writable
 * @returns how many bytes were taken, none with TLS and on Windows: the rest is for `socket.write`, which also
 *   finds out what is wrong where something is
 */
export function writeNow(socket: Socket, bytes: Uint8Array, from: number, to: number): number {
  if (socket.writableLength > 0 || 'encrypted' in socket) return 0;
  // Asked for each time: the number of a socket that was closed is soon another one's.
  const descriptor = (socket as WritingSocket)._handle?.fd ?? -1;
  if (descriptor < 0) return 0;
  try {
    return writeSync(descriptor, bytes, from, to - from);
  } catch {
    return 0;
  }
}
