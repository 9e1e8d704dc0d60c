import { ProtocolError, ServiceCloseCode } from '../protocol/errors.js';
import { FrameWriter, readFrames } from '../protocol/frames.js';
import type { FrameReceiver } from '../protocol/frames.js';
import type { ControlMessage, Payload } from '../protocol/messages.js';
import type { Transport, TransportReceiver } from '../protocol/transport.js';
import { BATCH_ROOM_BYTES } from './web-socket/batch-socket.js';
import type { BatchSocket, BatchSocketEvents } from './web-socket/batch-socket.js';

/** A batch of frames is sent at once when it has grown to this size, in bytes. */
export const MAX_BATCH_BYTES = 1 << 20;
/** Limit of a data frame's payload in bytes: no message of a client or gateway may be larger. */
export const MAX_DATA_BYTES = 64 << 20;
/** Limit of a message on a service connection: a batch that was nearly full, and the largest frame. */
export const MAX_SERVICE_PAYLOAD_BYTES = MAX_DATA_BYTES + (2 << 20);

/** Time the peer has to answer a close frame, in milliseconds. */
const CLOSE_LIMIT_MS = 1000;

/** A service connection over an open WebSocket: each WebSocket message is a batch of whole frames. */
export class WebSocketTransport implements Transport, BatchSocketEvents {
  receiver: TransportReceiver | undefined;
  private readonly writer = new FrameWriter(undefined, BATCH_ROOM_BYTES);
  private closed = false;
  private closeTimer: NodeJS.Timeout | undefined;

  /** Gives on what was read until the connection is closed, also within a batch. */
  private readonly gate: FrameReceiver = {
    onData: (link, data, binary, prompt) => {
      if (!this.closed) this.receiver?.onData(link, data, binary, prompt);
    },
    onAck: (link, count, ranges) => {
      if (!this.closed) this.receiver?.onAck(link, count, ranges);
    },
    onControl: (message) => {
      if (!this.closed) this.receiver?.onControl(message);
    },
  };

  /**
   * @param asText whether text is handed over as a string, not as its bytes
   * @param maxDataBytes limit of a data frame that is received
   */
  constructor(
    private readonly socket: BatchSocket,
    private readonly asText = false,
    private readonly maxDataBytes = MAX_DATA_BYTES,
  ) {
    socket.start(this);
  }

  data(link: number, data: Payload, binary: boolean, prompt?: boolean): void {
    this.writer.data(link, data, binary, prompt);
    this.sendIfFull();
  }

  ack(link: number, count: number, ranges: readonly number[]): void {
    this.writer.ack(link, count, ranges);
    this.sendIfFull();
  }

  control(message: ControlMessage): void {
    this.writer.control(message);
    this.sendIfFull();
  }

  flush(): void {
    if (this.writer.length === 0) return;
    const { writer } = this;
    writer.clear(!this.socket.isOpen || this.socket.send(writer.bytes, writer.end));
  }

  close(code: ServiceCloseCode, reason: string): void {
    if (this.closed) return;
    this.flush();
    this.socket.close(code, reason);
    this.limitClosing();
    this.finish(code, reason);
  }

  onMessage(data: Buffer, binary: boolean): void {
    if (this.closed) return;
    try {
      if (!binary) {
        throw new ProtocolError(ServiceCloseCode.BadFrame, 'text message on a service connection');
      }
      this.receiver?.onBatch();
      readFrames(data, this.gate, this.maxDataBytes, this.asText);
    } catch (error) {
      if (!this.closed) this.receiver?.onFault(error);
    }
  }

  onFault(code: number, reason: string): void {
    this.limitClosing();
    this.finish(code, reason);
  }

  onClosed(code: number, reason: string): void {
    clearTimeout(this.closeTimer);
    this.finish(code, reason);
  }

  private sendIfFull() {
    if (this.writer.length >= MAX_BATCH_BYTES) this.flush();
  }

  private limitClosing() {
    this.closeTimer ??= setTimeout(() => this.socket.terminate(), CLOSE_LIMIT_MS).unref();
  }

  private finish(code: number, reason: string) {
    if (this.closed) return;
    this.closed = true;
    this.receiver?.onClosed(code, reason);
  }
}
