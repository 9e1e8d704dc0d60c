import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { readTurn } from '../read-turn.js';
import type { SocketReader } from '../read-turn.js';

const SHARED_BYTES = 64 * 1024;
/** Into this all sockets read, one after the other. */
let shared: Uint8Array | undefined;

const READER = Symbol('reader');

interface ReadingSocket extends Socket {
  [READER]?: SocketReader;
  _handle?: { useUserBuffer?(buffer: Uint8Array): void } | null;
  [key: symbol]: unknown;
}

/**
 * Has `reader` get what the socket reads from now on, and what it has read already. Where Node.js
 * allows it, sockets read into one shared buffer, as the `onread` option of `net.connect` does for
 * clients: a server's socket cannot be given that option, but has the same slots. Where they are
 * missing (TLS, another version of Node.js) it reads by 'data' events.
 */
export function readInto(socket: Socket, reader: SocketReader): void {
  const target = socket as ReadingSocket;
  // Before the slots are filled: what has been read is in the stream's own buffer.
  let early: Buffer | null;
  while ((early = socket.read() as Buffer | null)) reader.readBytes(early, early.length);
  if (socket.destroyed) return;
  const slots = slotsOf(target);
  if (!slots) {
    socket.on('data', (bytes) => readTurn(reader, bytes, bytes.length));
    return;
  }
  shared ??= Buffer.allocUnsafeSlow(SHARED_BYTES);
  target[READER] = reader;
  target[slots.buffer] = shared;
  target[slots.callback] = onRead;
  target._handle!.useUserBuffer!(shared);
  if (!socket.isPaused()) socket.resume();
}

function onRead(this: ReadingSocket, length: number, bytes: Uint8Array): boolean {
  readTurn(this[READER]!, bytes, length);
  return true;
}

interface Slots {
  readonly buffer: symbol;
  readonly callback: symbol;
}

let known: Slots | undefined;

/** The slots of `onread`, if this is a plain TCP socket and they are what they were. */
function slotsOf(socket: ReadingSocket): Slots | undefined {
  if ('encrypted' in socket || typeof socket._handle?.useUserBuffer !== 'function') {
    return undefined;
  }
  known ??= findSlots(socket);
  if (!known) return undefined;
  const { buffer, callback } = known;
  return socket[buffer] === null && socket[callback] === null ? known : undefined;
}

function findSlots(socket: ReadingSocket): Slots | undefined {
  const symbols = Object.getOwnPropertySymbols(socket);
  const named = (name: string) => symbols.find(({ description }) => description === name);
  const [buffer, callback] = [named('kBuffer'), named('kBufferCb')];
  return buffer && callback && { buffer, callback };
}
