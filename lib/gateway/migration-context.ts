import { AsyncLocalStorage } from 'node:async_hooks';
import type { HubClient } from './hub-client.js';
import type { Migration } from './migration.js';

/**
 * What the message is about that is being handled.
 * @publicApi
 */
export interface CurrentMessage {
  /** Who sent it. */
  readonly client: HubClient;
  /** That of the client: where it came from, if it moved here. */
  readonly migration: Migration | undefined;
  /** As `@MessageId()` gives it; undefined behind another WebSocket adapter. */
  readonly messageId: string | undefined;
}

const messages = new AsyncLocalStorage<CurrentMessage>();

/**
 * Gives code anywhere below a message handler what the message is about. Needs `MigrationInterceptor`.
 * @publicApi
 */
export class MigrationContext {
  /** Undefined outside of handlers, and of those without the interceptor. */
  static current(): CurrentMessage | undefined {
    return messages.getStore();
  }

  /** Runs code, and whatever it starts, for a message. */
  static run<Result>(message: CurrentMessage, code: () => Result): Result {
    return messages.run(message, code);
  }
}
