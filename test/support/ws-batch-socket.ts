import type { WebSocket } from 'ws';
import { codeOfError, cutReason } from '../../lib/transport/close-codes.js';
import { BATCH_ROOM_BYTES } from '../../lib/transport/web-socket/batch-socket.js';
import type {
  BatchSocket,
  BatchSocketEvents,
} from '../../lib/transport/web-socket/batch-socket.js';

/** A WebSocket of `ws` on which batches travel: the peer that the library's own is tested against. */
export class WsBatchSocket implements BatchSocket {
  constructor(private readonly ws: WebSocket) {}

  get isOpen(): boolean {
    return this.ws.readyState === this.ws.OPEN;
  }

  start(events: BatchSocketEvents): void {
    const { ws } = this;
    ws.on('message', (data, isBinary) => events.onMessage(data as Buffer, isBinary));
    ws.on('error', (error) => events.onFault(codeOfError(error), error.message));
    ws.on('close', (code, reason) => events.onClosed(code, reason.toString()));
  }

  send(batch: Buffer, end: number): boolean {
    this.ws.send(batch.subarray(BATCH_ROOM_BYTES, end), { binary: true, compress: false });
    return false;
  }

  close(code: number, reason: string): void {
    this.ws.close(code, cutReason(reason));
  }

  terminate(): void {
    this.ws.terminate();
  }
}
