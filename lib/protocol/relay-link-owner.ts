import type { InboundLimits, InboundSource } from './inbound-queue.js';
import type { Payload } from './messages.js';
import type { BindingTarget, Taker } from './relay-binding.js';
import type { MigrationResult } from './relay-migration.js';
import type { RerouteResult } from './relay-reroute.js';

export interface RelayLinkLimits extends InboundLimits {
  /** Limit of one step of a migration in milliseconds. */
  stepMs: number;
}

/** What a link needs from the relay. */
export interface RelayLinkOwner extends InboundSource {
  /** The first hub server accepted the client. */
  accepted(protocol: string): void;
  /** The hub server refused the client; the link is over. */
  refused(status: number, reason: string, headers: readonly string[]): void;
  /** The hub server is gone before it answered; the link is over. */
  serverLost(): void;
  /** The service connection is lost, the hub server may have others. The link waits to be rebound. */
  detached(serverId: string): void;
  /** Whether another hub server may take over after the loss of the present one. */
  readonly survivesCrash: boolean;
  /** Sends to the client; `taker` is to hear once its socket has taken the message. */
  deliver(data: Payload, binary: boolean, taker: Taker): void;
  pingClient(data: Uint8Array): void;
  pongClient(data: Uint8Array): void;
  /** Starts the closing handshake with the client (1006: cuts it); the link is told of its end. */
  closeClient(code: number, reason: string): void;
  /** A hub server that can take this connection, none of `excluded`. */
  selectTarget(excluded: ReadonlySet<string>): BindingTarget | undefined;
  /** Another service connection of this hub server than `besides`. */
  selectRoute(serverId: string, besides: BindingTarget): BindingTarget | undefined;
  migrationEnded(result: MigrationResult): void;
  rerouted(result: RerouteResult): void;
  /** The connection has moved and can be moved again. */
  settled(): void;
  /** The link is over; nothing more will be called. */
  ended(): void;
}
