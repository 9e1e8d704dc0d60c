import type { HubLink } from './hub-link.js';
import type { MigrationInfo, MigrationState, Payload, ServerSelector } from './messages.js';
import type { LinkChannel } from './session.js';

/** How a link ended. */
export interface LinkEndCause {
  code: number;
  reason: string;
  /** Given when the connection lives on at another server. */
  migration?: MigrationInfo | undefined;
}

/** What the relay asks for when a connection is to move to another hub server. */
export interface MoveRequest {
  readonly attempt: number;
  readonly reason: string;
  /** Time for the whole move, from the arrival of the request, in milliseconds. */
  readonly deadlineMs: number;
  /** To which hub server; any other when absent. */
  readonly to?: ServerSelector;
}

/**
 * What the application says when nothing is at work on a connection any more: what the next server
 * needs, and to which one it is to go; or why it does not leave. The refusal `cancelled` is a
 * withdrawal, any other one a failure.
 */
export type Departure =
  { readonly context?: Uint8Array; readonly to?: ServerSelector } | { readonly refusal: string };

/** A step of a connection's move to another hub server. */
export interface MoveChange {
  readonly state: MigrationState;
  readonly attempt: number;
  /** Why it moves, or why it stays. */
  readonly reason: string;
  readonly to?: ServerSelector;
  /** What the last target said that refused. */
  readonly detail?: string;
}

/** The hub server's side of a link. */
export interface HubLinkHost {
  /** A step of the connection's move; {@link HubLink.moveState} has it already. */
  moveChanged(link: HubLink, change: MoveChange): void;
  /** The link's service connection is lost; it waits to be bound to another one. */
  linkDetached(link: HubLink, lost: LinkChannel): void;
  /** The connection is not this server's any more; without a cause when it was refused. */
  linkEnded(link: HubLink, cause: LinkEndCause | undefined): void;
  /** The relay has all that was ever sent on the link, or will not ask for it: nothing is left of it. */
  linkForgotten(link: HubLink): void;
}

/** The application's side of a link. */
export interface HubLinkOwner {
  /**
   * Whether acknowledgements wait for the owner, which calls {@link HubLink.acknowledge} once a
   * checkpoint has a message's effects. With the acknowledgement `handled` only.
   */
  readonly holdsAcks: boolean;
  /** What keeps the connection from leaving, for people, in at most 256 characters. */
  readonly waitsFor: string;
  /**
   * Whether messages are to go on arriving while the connection is asked to leave. They may arrive
   * until the move is over, and wait while the link is {@link HubLink.settling}.
   */
  readonly wantsFlow: boolean;
  /** An inbound message. Call {@link HubLink.delivered} when the handlers get it. */
  deliver(data: Payload, binary: boolean): void;
  /** With {@link holdsAcks}: all handlers of a message are done. */
  messageHandled(number: number): void;
  pongReceived(data: Uint8Array): void;
  /** The relay asks to move the connection, or changed reason, deadline or target of the attempt. */
  moveRequested(move: MoveRequest): void;
  /**
   * Nothing is at work any more: the connection could leave. With {@link holdsAcks}, what is handled
   * is to be acknowledged before `done`, behind a checkpoint that has its effects.
   * @param done to be called once, at once or later; without effect when the move was rolled back or
   * the connection has ended meanwhile
   */
  depart(move: MoveRequest, done: (departure: Departure) => void): void;
  /** The connection is no longer this server's: gone, or moved when `migration` is given. */
  closed(code: number, reason: string, migration: MigrationInfo | undefined): void;
  /**
   * A migration of this connection did not happen, also by a refusal of the owner's own; it stays
   * here. {@link HubLink.moveState} says whether it was cancelled or has failed.
   * @param detail what the last target said that refused
   */
  stays(reason: string, detail?: string): void;
}
