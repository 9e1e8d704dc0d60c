import type { ContextBudget } from './context-budget.js';
import type { InboundLimits, InboundSource } from './inbound-queue.js';
import type { Payload, ServerSelector } from './messages.js';
import type { BindingTarget } from './relay-binding.js';
import type { Taker } from './server-stream.js';
import type { MigrationResult } from './relay-migration.js';
import type { RerouteResult } from './relay-reroute.js';
import type { RetentionBudget } from './retention-budget.js';

export interface RelayLinkLimits extends InboundLimits {
  /** Limit of one step of a migration in milliseconds. */
  stepMs: number;
}

/** What all links of a relay may keep together. */
export interface RelayLinkBudgets {
  readonly inbound: RetentionBudget;
  readonly contexts: ContextBudget;
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
  /** The client is closed next: its hub server was lost, and none has taken over. */
  clientLost(reason: string): void;
  /** A hub server to which this connection can move: none of `excluded`, and one that fits `to`. */
  selectTarget(excluded: ReadonlySet<string>, to?: ServerSelector): BindingTarget | undefined;
  /** Another service connection of this hub server than `besides`. */
  selectRoute(serverId: string, besides: BindingTarget): BindingTarget | undefined;
  /** A migration is under way and has another state, or waits for something else. */
  migrationProgressed(): void;
  migrationEnded(result: MigrationResult): void;
  rerouted(result: RerouteResult): void;
  /** The connection can be moved again: it has arrived, or may move from now on. */
  settled(): void;
  /** The link is over; nothing more will be called. */
  ended(): void;
}
