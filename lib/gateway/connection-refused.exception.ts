/**
 * Thrown by an `@OnConnect()` method to answer a client's upgrade request with an HTTP error.
 * @publicApi
 */
export class ConnectionRefusedException extends Error {
  override readonly name = 'ConnectionRefusedException';

  /**
   * @param status HTTP status, 400 to 599
   * @param reason text of the answer; the client can read it
   */
  constructor(
    readonly status = 403,
    reason = 'Forbidden',
  ) {
    super(reason);
  }
}
