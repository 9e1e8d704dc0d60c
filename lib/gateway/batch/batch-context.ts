import type { RequestId } from '../../options/index.js';

/**
 * What a handler returns to stop where it is, so that its connection can move: see
 * {@link BatchContext.suspend}.
 * @publicApi
 */
export class Suspended {
  /** @param cursor what the resume handler gets */
  constructor(readonly cursor: unknown) {}
}

/**
 * One message at work, as its handler sees it: a parameter of a handler that takes `@Batch()`.
 *
 * Only what the handler returns counts as a result: the values of an Observable or of an async
 * iterable, or the value of a promise.
 * @publicApi
 */
export abstract class BatchContext {
  /** The message's id, as of `@MessageId()`; empty for a message that the application emitted. */
  abstract readonly id: string;

  /** The id that the client gave its request, if it did; see the option `hub.attention`. */
  abstract readonly requestId: RequestId | undefined;

  /**
   * Aborted when the results are wanted no more. Its `reason` is a {@link BatchEnded} that says
   * why. Not aborted when the batch stops because it goes on at another hub server.
   */
  abstract readonly signal: AbortSignal;

  /**
   * Aborted when the connection is asked to move: stop at the next checkpoint. Read it anew each time
   * round: when the move is given up, another signal takes its place.
   */
  abstract readonly migrating: AbortSignal;

  /** Results sent so far for this message, those of earlier hub servers included. */
  abstract readonly results: number;

  /** Whether this is a resume handler, which goes on where another one stopped. */
  abstract readonly resumed: boolean;

  /**
   * All results so far, and nothing that comes later, are covered by this cursor: the resume handler
   * can go on from it. It survives the loss of this hub server. While the connection is asked to
   * move a stream ends here, as if it had no more values. Change state that belongs to the results
   * before this call. Without effect when the event has no `@OnMigrateResume()` method.
   * @param cursor plain data, dates, maps, sets, bytes; it is copied
   * @throws TypeError when the cursor cannot travel
   */
  abstract checkpoint(cursor: unknown): void;

  /**
   * `return batch.suspend(cursor)` stops the handler: the resume handler goes on from the cursor at
   * the next hub server, or at this one when the move is given up.
   * @param cursor as of {@link checkpoint}
   * @throws Error when no move was asked for, or the event has no `@OnMigrateResume()` method
   * @throws TypeError when the cursor cannot travel
   */
  abstract suspend(cursor: unknown): Suspended;
}
