import type { RawData, WebSocket } from 'ws';
import { ProtocolError, ServiceCloseCode } from '../protocol/errors.js';
import { FrameWriter, readFrames } from '../protocol/frames.js';
import type { FrameReceiver } from '../protocol/frames.js';
import type { ControlMessage, Payload } from '../protocol/messages.js';
import type { Transport, TransportReceiver } from '../protocol/transport.js';
import { codeOfError, cutReason } from './close-codes.js';

/** A batch of frames is sent at once when it has grown to this size, in bytes. */
export const MAX_BATCH_BYTES = 1 << 20;
/** Limit of a data frame's payload in bytes: no message of a client or gateway may be larger. */
export const MAX_DATA_BYTES = 64 << 20;
/** `maxPayload` of a service connection: a batch that was nearly full, and the largest frame. */
export const MAX_SERVICE_PAYLOAD_BYTES = MAX_DATA_BYTES + (2 << 20);

/** Time the peer has to answer a close frame, in milliseconds. */
const CLOSE_LIMIT_MS = 1000;

/** A service connection over an open WebSocket: each WebSocket message is a batch of whole frames. */
export class WebSocketTransport implements Transport {
  receiver: TransportReceiver | undefined;
  private readonly writer = new FrameWriter();
  private closed = false;

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
    private readonly ws: WebSocket,
    private readonly asText = false,
    private readonly maxDataBytes = MAX_DATA_BYTES,
  ) {
    ws.binaryType = 'nodebuffer';
    ws.on('message', (data, isBinary) => this.onMessage(data, isBinary));
    ws.on('error', (error) => this.onError(error));
    ws.on('close', (code, reason) => this.finish(code, reason.toString()));
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
    const batch = this.writer.take();
    if (this.ws.readyState === this.ws.OPEN) this.ws.send(batch, { binary: true, compress: false });
  }

  close(code: ServiceCloseCode, reason: string): void {
    if (this.closed) return;
    this.flush();
    this.ws.close(code, cutReason(reason));
    this.limitClosing();
    this.finish(code, reason);
  }

  private sendIfFull() {
    if (this.writer.length >= MAX_BATCH_BYTES) this.flush();
  }

  private onMessage(data: RawData, isBinary: boolean) {
    if (this.closed) return;
    try {
      if (!isBinary) {
        throw new ProtocolError(ServiceCloseCode.BadFrame, 'text message on a service connection');
      }
      this.receiver?.onBatch();
      readFrames(data as Buffer, this.gate, this.maxDataBytes, this.asText);
    } catch (error) {
      if (!this.closed) this.receiver?.onFault(error);
    }
  }

  /** The WebSocket found a fault and is closing itself. */
  private onError(error: Error) {
    this.limitClosing();
    this.finish(codeOfError(error), error.message);
  }

  private limitClosing() {
    const timer = setTimeout(() => this.ws.terminate(), CLOSE_LIMIT_MS).unref();
    this.ws.once('close', () => clearTimeout(timer));
  }

  private finish(code: number, reason: string) {
    if (this.closed) return;
    this.closed = true;
    this.receiver?.onClosed(code, reason);
  }
}
