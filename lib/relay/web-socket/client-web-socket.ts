import type { Payload } from '../../protocol/messages.js';
import type { Taker } from '../../protocol/server-stream.js';

/** A client's WebSocket, open from the beginning. */
export interface ClientWebSocket {
  /** Whether no close frame was sent or received. */
  readonly isOpen: boolean;
  /** Begins to report what the client sends. */
  start(): void;
  /** @param taker hears once the operating system has taken the message; never, when it does not */
  send(data: Payload, binary: boolean, taker: Taker): void;
  ping(data: Uint8Array): void;
  pong(data: Uint8Array): void;
  /**
   * Starts the closing handshake, or answers the client's close frame. Idempotent.
   * @param code undefined: the close frame carries none
   */
  close(code: number | undefined, reason: string): void;
  /** Cuts the connection. */
  terminate(): void;
  pause(): void;
  resume(): void;
}

/** What a client's WebSocket reports. Pings are answered, close frames too. */
export interface ClientWebSocketEvents {
  onMessage(data: Buffer, binary: boolean): void;
  onPong(data: Buffer): void;
  /** The client broke the protocol or a limit; the WebSocket closes itself with this code. */
  onFault(code: number): void;
  /** The socket is closed. @param code 1006 without a close frame of the client */
  onClosed(code: number, reason: string): void;
}
