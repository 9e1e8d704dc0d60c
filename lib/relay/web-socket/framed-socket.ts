import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Payload } from '../../protocol/messages.js';
import type { Taker } from '../../protocol/server-stream.js';
import { payloadBytes } from '../../protocol/retention.js';
import { CloseCode, cutReason } from '../../transport/close-codes.js';
import type { ClientWebSocket, ClientWebSocketEvents } from './client-web-socket.js';
import { FrameError, FrameReader, Opcode } from '../../transport/web-socket/frame-reader.js';
import type { FrameEvents } from '../../transport/web-socket/frame-reader.js';
import { closePayload, encodeHeader } from '../../transport/web-socket/frame-writer.js';
import type { FramePayload } from '../../transport/web-socket/frame-writer.js';
import type { Outbox } from './outbox.js';
import { readInto } from '../../transport/web-socket/socket-reading.js';
import { writeNow } from '../../transport/web-socket/socket-writing.js';
import type { SocketReader } from '../../transport/read-turn.js';

/** Pongs are left out while more than this waits in the socket: only the latest one matters. */
const MOST_WAITING_BYTES = 65_536;
/** Payloads from this size on are not copied to be next to their headers, in bytes. */
const LARGE_BYTES = 16_384;
const NOTHING: never[] = [];
const EMPTY = Buffer.alloc(0);

/** A client's WebSocket on its socket: reads and writes the frames itself, without extensions. */
export class FramedSocket implements ClientWebSocket, FrameEvents, SocketReader {
  private readonly reader: FrameReader;
  private closeSent = false;
  private closeCode: number = CloseCode.Abnormal;
  private closeReason = '';
  private closeReceived = false;
  private over = false;
  /** Frames of this turn: opcode and payload, alternating. */
  private queue: (number | FramePayload)[] = NOTHING;
  /** Who sent the messages of this turn, and how many. */
  private taker: Taker | undefined;
  private count = 0;

  /**
   * @param socket on which the upgrade was granted
   * @param head what came behind the request
   */
  constructor(
    private readonly socket: Socket,
    private head: Buffer,
    maxPayload: number,
    private readonly outbox: Outbox,
    private readonly events: ClientWebSocketEvents,
  ) {
    this.reader = new FrameReader(maxPayload, this);
  }

  start(): void {
    const { head, socket } = this;
    this.head = EMPTY;
    socket.on('end', this.onEnd).on('close', this.onSocketClosed);
    if (head.length > 0) this.readBytes(head, head.length);
    readInto(socket, this);
  }

  get isOpen(): boolean {
    return !this.closeSent && !this.closeReceived && !this.over;
  }

  send(data: Payload, binary: boolean, taker: Taker): void {
    if (!this.isOpen) return;
    if (this.count > 0 && this.taker !== taker) this.flush();
    this.taker = taker;
    this.count++;
    this.add(binary ? Opcode.Binary : Opcode.Text, data);
  }

  ping(data: Uint8Array): void {
    if (this.isOpen) this.add(Opcode.Ping, data);
  }

  pong(data: Uint8Array): void {
    if (this.isOpen) this.add(Opcode.Pong, data);
  }

  close(code: number | undefined, reason: string): void {
    if (this.closeSent) return;
    if (this.socket.writable) this.add(Opcode.Close, closePayload(code, cutReason(reason)));
    this.closeSent = true;
    this.flush();
    if (this.closeReceived) this.socket.end();
  }

  terminate(): void {
    this.over = true;
    this.reader.stop();
    this.socket.destroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Writes the frames of this turn. */
  flush(): void {
    const { queue, count, socket } = this;
    if (queue.length === 0) return;
    this.queue = NOTHING;
    this.count = 0;
    if (!socket.writable) return;
    this.write(queue);
    if (count === 0) return;
    if (socket.writableLength === 0) this.taker!.onTaken(count);
    else this.awaitTaken(this.taker!, count);
  }

  readBytes(bytes: Uint8Array, length: number): void {
    try {
      this.reader.read(bytes, length);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.reader.stop();
      this.events.onFault(error.code);
      this.close(error.code, '');
    }
  }

  onMessage(data: Buffer, binary: boolean): void {
    this.events.onMessage(data, binary);
  }

  onPing(data: Buffer): void {
    if (this.socket.writableLength < MOST_WAITING_BYTES) this.pong(data);
  }

  onPong(data: Buffer): void {
    this.events.onPong(data);
  }

  onClose(code: number, reason: string): void {
    this.closeReceived = true;
    this.closeCode = code;
    this.closeReason = reason;
    if (this.closeSent) this.socket.end();
    else this.close(code === CloseCode.None ? undefined : code, reason);
  }

  private add(opcode: number, data: FramePayload) {
    if (this.queue.length === 0) {
      this.queue = [opcode, data];
      this.outbox.add(this);
    } else {
      this.queue.push(opcode, data);
    }
  }

  private write(frames: (number | FramePayload)[]) {
    const { socket } = this;
    if (!hasLarge(frames)) {
      const bytes = this.outbox.encode(frames);
      const taken = writeNow(socket, bytes, 0, bytes.length);
      if (taken < bytes.length) socket.write(taken === 0 ? bytes : bytes.subarray(taken));
      return;
    }
    socket.cork();
    for (let i = 0; i < frames.length; i += 2) {
      const payload = frames[i + 1] as FramePayload;
      socket.write(encodeHeader(frames[i] as number, payloadBytes(payload)));
      socket.write(payload);
    }
    socket.uncork();
  }

  /** The operating system has not taken all at once: an empty write is done when it has. */
  private awaitTaken(taker: Taker, count: number) {
    this.socket.write(EMPTY, (error) => {
      if (!error) taker.onTaken(count);
    });
  }

  /** The client sends no more. */
  private readonly onEnd = () => {
    this.closeReceived = true;
    this.reader.stop();
    this.socket.end();
  };

  private readonly onSocketClosed = () => {
    this.over = true;
    this.reader.stop();
    this.events.onClosed(this.closeCode, this.closeReason);
  };
}

function hasLarge(frames: readonly (number | FramePayload)[]): boolean {
  for (let i = 1; i < frames.length; i += 2) {
    if ((frames[i] as FramePayload).length >= LARGE_BYTES) return true;
  }
  return false;
}
