import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';

/**
 * Where a connection came from or goes to, when it moves between hub servers.
 * @publicApi
 */
export interface Migration {
  /** serverId of the hub server that had the connection before; set on the new server. */
  readonly from?: string;
  /** serverId of the hub server that has the connection now; set on the old server. */
  readonly to?: string;
  /** Why it moves: `shutdown`, or `rolledBack` when the new server has to give it back. */
  readonly reason: string;
  /** Number of this attempt to move the connection, from 1. */
  readonly attempt: number;
}

/**
 * What a gateway gets as its client: the interface of a `ws` WebSocket, and what only a connection
 * that can move has.
 * @publicApi
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export interface HubClient extends WebSocket {}

/** @publicApi */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export abstract class HubClient extends (EventEmitter as unknown as new () => object) {
  /** Names the connection as long as it lives, on whichever hub server it is. */
  abstract readonly connectionId: string;

  /**
   * In `handleConnection`: set when the connection came from another hub server. In
   * `handleDisconnect`: set when it lives on at another one. Undefined on a true connect or disconnect.
   */
  abstract readonly migration: Migration | undefined;
}
