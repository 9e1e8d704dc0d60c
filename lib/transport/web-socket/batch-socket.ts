import process from 'node:process';
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { CloseCode, cutReason } from '../close-codes.js';
import { FrameError, FrameReader, Opcode } from './frame-reader.js';
import type { FrameEvents } from './frame-reader.js';
import { closePayload, frameInPlace } from './frame-writer.js';
import { readInto } from './socket-reading.js';
import { writeNow } from './socket-writing.js';
import type { SocketReader } from '../read-turn.js';

/** Room in front of a batch, for the header of a frame; a multiple of what masks work in. */
export const BATCH_ROOM_BYTES = 16;

/** What a WebSocket of batches reports. Pings are answered, close frames too. */
export interface BatchSocketEvents {
  onMessage(data: Buffer, binary: boolean): void;
  /** The peer broke the protocol or a limit; the WebSocket closes itself with this code. */
  onFault(code: number, reason: string): void;
  /** The socket is closed. @param code 1006 without a close frame of the peer */
  onClosed(code: number, reason: string): void;
}

/** An open WebSocket, each message of which is a batch. */
export interface BatchSocket {
  /** Whether no close frame was sent or received. */
  readonly isOpen: boolean;
  /** Begins to report, after this turn of the event loop. */
  start(events: BatchSocketEvents): void;
  /**
   * Sends a binary message.
   * @param batch behind {@link BATCH_ROOM_BYTES} free ones; is changed
   * @param end where it ends
   * @returns whether the bytes may be used again; otherwise they are the socket's own
   */
  send(batch: Buffer, end: number): boolean;
  /** Starts the closing handshake. Idempotent. */
  close(code: number, reason: string): void;
  /** Cuts the connection. */
  terminate(): void;
}

/** Reads and writes the frames itself: each batch is one write, each read goes to its reader directly. */
export class FramedBatchSocket implements BatchSocket, FrameEvents, SocketReader {
  private readonly reader: FrameReader;
  private readonly isClient: boolean;
  private events: BatchSocketEvents | undefined;
  private closeSent = false;
  private closeReceived = false;
  private closeCode: number = CloseCode.Abnormal;
  private closeReason = '';

  /**
   * @param socket on which the upgrade was granted
   * @param head what came behind the request or its answer
   * @param maxPayload limit of a message in bytes
   */
  constructor(
    private readonly socket: Socket,
    private readonly head: Buffer,
    peer: 'client' | 'server',
    maxPayload: number,
  ) {
    this.reader = new FrameReader(maxPayload, this, peer);
    this.isClient = peer === 'server';
  }

  start(events: BatchSocketEvents): void {
    const { socket, head } = this;
    this.events = events;
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket
      .on('end', this.onEnd)
      .on('error', () => {})
      .on('close', this.onSocketClosed);
    process.nextTick(() => {
      if (head.length > 0) this.readBytes(head, head.length);
      readInto(socket, this);
    });
  }

  get isOpen(): boolean {
    return !this.closeSent && !this.closeReceived && this.socket.writable;
  }

  send(batch: Buffer, end: number): boolean {
    return this.write(Opcode.Binary, batch, end);
  }

  close(code: number | undefined, reason: string): void {
    if (this.closeSent) return;
    this.control(Opcode.Close, closePayload(code, cutReason(reason)));
    this.closeSent = true;
    if (this.closeReceived) this.socket.end();
  }

  terminate(): void {
    this.reader.stop();
    this.socket.destroy();
  }

  readBytes(bytes: Uint8Array, length: number): void {
    try {
      this.reader.read(bytes, length);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.reader.stop();
      // No answer is read any more.
      this.closeReceived = true;
      if (this.closeSent) this.socket.end();
      else this.close(error.code, '');
      this.events!.onFault(error.code, error.message);
    }
  }

  onMessage(data: Buffer, binary: boolean): void {
    this.events!.onMessage(data, binary);
  }

  onPing(data: Buffer): void {
    if (this.isOpen) this.control(Opcode.Pong, data);
  }

  onPong(): void {}

  onClose(code: number, reason: string): void {
    this.closeReceived = true;
    this.closeCode = code;
    this.closeReason = reason;
    if (this.closeSent) this.socket.end();
    else this.close(code === CloseCode.None ? undefined : code, reason);
  }

  private control(opcode: number, payload: Buffer) {
    const bytes = Buffer.concat([Buffer.alloc(BATCH_ROOM_BYTES), payload]);
    this.write(opcode, bytes, bytes.length);
  }

  /** @returns whether the bytes may be used again */
  private write(opcode: number, bytes: Buffer, end: number): boolean {
    const { socket, isClient } = this;
    if (!socket.writable) return true;
    const from = frameInPlace(bytes, BATCH_ROOM_BYTES, end, opcode, isClient);
    const at = from + writeNow(socket, bytes, from, end);
    if (at === end) return true;
    const rest = bytes.subarray(at, end);
    const isSmall = rest.length * 4 <= bytes.length;
    socket.write(isSmall ? Buffer.from(rest) : rest);
    return isSmall;
  }

  /** The peer sends no more. */
  private readonly onEnd = () => {
    this.closeReceived = true;
    this.reader.stop();
    this.socket.end();
  };

  private readonly onSocketClosed = () => {
    this.reader.stop();
    this.events!.onClosed(this.closeCode, this.closeReason);
  };
}
