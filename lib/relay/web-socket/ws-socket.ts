import process from 'node:process';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Payload } from '../../protocol/messages.js';
import type { Taker } from '../../protocol/server-stream.js';
import { codeOfError, cutReason } from '../../transport/close-codes.js';
import type { ClientWebSocket, ClientWebSocketEvents } from './client-web-socket.js';

/** A client's WebSocket that is one of `ws`: with permessage-deflate, or where it is asked for. */
export class WsSocket implements ClientWebSocket {
  private corked = false;

  constructor(
    private readonly ws: WebSocket,
    private readonly socket: Socket,
    events: ClientWebSocketEvents,
  ) {
    ws.binaryType = 'nodebuffer';
    // It reports nothing within this turn.
    ws.on('message', (data, isBinary) => events.onMessage(data as Buffer, isBinary));
    ws.on('pong', (data) => events.onPong(data));
    ws.on('error', (error) => events.onFault(codeOfError(error)));
    ws.on('close', (code, reason) => events.onClosed(code, reason.toString()));
  }

  start(): void {}

  get isOpen(): boolean {
    return this.ws.readyState === this.ws.OPEN;
  }

  send(data: Payload, binary: boolean, taker: Taker): void {
    this.cork();
    this.ws.send(data, { binary, compress: true }, (error) => {
      if (!error) taker.onTaken(1);
    });
  }

  ping(data: Uint8Array): void {
    if (this.isOpen) this.ws.ping(data);
  }

  pong(data: Uint8Array): void {
    if (this.isOpen) this.ws.pong(data);
  }

  close(code: number | undefined, reason: string): void {
    if (code === undefined) this.ws.close();
    else this.ws.close(code, cutReason(reason));
  }

  terminate(): void {
    this.ws.terminate();
  }

  pause(): void {
    this.ws.pause();
  }

  resume(): void {
    this.ws.resume();
  }

  /** Messages of one turn leave in one write. */
  private cork() {
    if (this.corked) return;
    this.corked = true;
    this.socket.cork();
    process.nextTick(() => {
      this.corked = false;
      this.socket.uncork();
    });
  }
}
