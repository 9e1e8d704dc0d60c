import type { PendingBatch } from '../gateway/state/context-codec.js';
import type { Payload } from '../protocol/messages.js';

/** What the batches of a connection have to say when it moves; made by message dispatch on first use. */
export interface ConnectionWork {
  /** Those that are not done: suspended ones when the connection leaves, checkpointed ones before. */
  readonly pending: readonly PendingBatch[];
  /** Ids of requests that the client has cancelled and nobody has answered yet. */
  readonly cancelled: readonly string[];
  /** What keeps the connection from leaving, for people, if it is a batch. */
  readonly waitsFor: string | undefined;
  /** Whether messages are to go on arriving while the connection is asked to leave. */
  readonly wantsFlow: boolean;
  /** The connection is asked to leave: batches stop at their next checkpoint. */
  moveRequested(): void;
  /** The connection stays: what was suspended goes on here. */
  stays(): void;
  /** A message that waits arrived while the connection is asked to leave: is it an attention? */
  attention(data: Payload, binary: boolean): void;
}

/** What a connection brought from another hub server for its batches. */
export interface ArrivedWork {
  readonly batches: readonly PendingBatch[];
  readonly cancelled: readonly string[];
}
