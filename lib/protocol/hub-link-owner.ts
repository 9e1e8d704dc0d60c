import type { HubLink } from './hub-link.js';
import type { MigrationInfo, Payload } from './messages.js';
import type { LinkChannel } from './session.js';

/** How a link ended. */
export interface LinkEndCause {
  code: number;
  reason: string;
  /** Given when the connection lives on at another server. */
  migration?: MigrationInfo | undefined;
}

/** The hub server's side of a link. */
export interface HubLinkHost {
  /** The link's service connection is lost; it waits to be bound to another one. */
  linkDetached(link: HubLink, lost: LinkChannel): void;
  /** The connection is not this server's any more; without a cause when it was refused. */
  linkEnded(link: HubLink, cause: LinkEndCause | undefined): void;
  /** The relay has all that was ever sent on the link, or will not ask for it: nothing is left of it. */
  linkForgotten(link: HubLink): void;
}

/** The application's side of a link. */
export interface HubLinkOwner {
  /** An inbound message. Call {@link HubLink.delivered} when the handlers get it. */
  deliver(data: Payload, binary: boolean): void;
  pongReceived(data: Uint8Array): void;
  /** The connection is no longer this server's: gone, or moved when `migration` is given. */
  closed(code: number, reason: string, migration: MigrationInfo | undefined): void;
  /** A migration of this connection did not happen; it stays here. */
  stays(reason: string): void;
}
