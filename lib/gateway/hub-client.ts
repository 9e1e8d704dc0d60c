import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import type { Hold, HoldOptions } from './hold.js';
import type { Migration, MigrationState } from './migration.js';

/**
 * What a gateway gets as its client: the interface of a `ws` WebSocket, and what only a connection
 * that can move has. Behind another WebSocket adapter a client has none of the latter.
 * @publicApi
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging, no-unused-vars
export interface HubClient<State = unknown> extends WebSocket {}

/** @publicApi */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export abstract class HubClient<
  State = unknown,
> extends (EventEmitter as unknown as new () => object) {
  /** Names the connection as long as it lives, on whichever hub server it is. */
  abstract readonly connectionId: string;

  /**
   * In `handleConnection`: set when the connection came from another hub server. In
   * `handleDisconnect`: set when it lives on at another one. Undefined on a true connect or disconnect.
   */
  abstract readonly migration: Migration | undefined;

  /**
   * What travels with the connection: an instance of the class of `@Migratable({ state })`, a new one
   * for a new client, there before `handleConnection` is called. It may be changed in place: what a
   * handler changed is noticed when it is done, other changes by {@link checkpoint}. Setting it is
   * noticed at once. Without that class it is a property like any other, and stays behind.
   * @throws TypeError when set to something that cannot travel
   * @throws StateTooLargeException when set to something larger than `context.maxBytes`
   */
  abstract state: State;

  /**
   * Whether the connection may move to another hub server. Set to false, it stays until it is set to
   * true: a shutdown then closes the client with 1012, and so does the loss of this server. False also
   * while the state does not fit in `context.maxBytes` or cannot be encoded.
   * @default true
   */
  abstract migratable: boolean;

  /** How far a migration of this connection to another hub server is. */
  abstract readonly migrationState: MigrationState;

  /**
   * Has the state outlive this server: resolves when it is on its way to the relay, before any later
   * message, and `context.storage`, if there is one, has it. For changes outside of handlers, and
   * before something that must not be done without it.
   * @throws StateTooLargeException, TypeError when the state cannot travel
   * @throws Error when the storage fails, or the connection is not this server's any more
   */
  abstract checkpoint(): Promise<void>;

  /**
   * Keeps the connection on this server, as in the middle of a transaction. Messages that come while
   * it is asked to move wait.
   * @throws MigrationTooLateException when the connection is leaving, or has left
   * @throws TypeError for a limit that is no number of milliseconds above 0
   */
  abstract hold(options?: HoldOptions): Hold;
}
