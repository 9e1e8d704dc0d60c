import type { Payload } from '../protocol/messages.js';
import type { Taker } from '../protocol/server-stream.js';

/** The client's socket, real or simulated. */
export interface ClientSocket {
  /** Answers the upgrade; the WebSocket is open from then on. */
  accept(protocol: string, connectionId: string): void;
  /**
   * Answers the upgrade with an HTTP error.
   * @param headers further headers of the answer: alternating names and values
   */
  refuse(status: number, reason: string, headers: readonly string[]): void;
  /** @param taker hears once the operating system has taken the message */
  send(data: Payload, binary: boolean, taker: Taker): void;
  ping(data: Uint8Array): void;
  pong(data: Uint8Array): void;
  /** Starts the closing handshake; 1006 cuts the connection. */
  close(code: number, reason: string): void;
  pause(): void;
  resume(): void;
}
