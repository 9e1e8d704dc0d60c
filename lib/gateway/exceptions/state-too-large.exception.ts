/**
 * Thrown when a client's state is larger than what may travel with it: it could not move.
 * @publicApi
 */
export class StateTooLargeException extends Error {
  override readonly name = 'StateTooLargeException';

  /**
   * @param bytes of the context, encoded: the state and what is known of unfinished batches
   * @param maxBytes `context.maxBytes`
   */
  constructor(
    readonly connectionId: string,
    readonly bytes: number,
    readonly maxBytes: number,
  ) {
    super(
      `The state of connection ${connectionId} has ${bytes} bytes, context.maxBytes is ${maxBytes}`,
    );
  }
}
