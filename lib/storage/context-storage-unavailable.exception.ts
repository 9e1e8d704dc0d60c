/**
 * A storage did not do what it was asked for: it cannot be reached, did not answer in time, is full or
 * closed. Whether a change was made is unknown. Connections go on without it.
 *
 * @publicApi
 */
export class ContextStorageUnavailableException extends Error {
  override readonly name = 'ContextStorageUnavailableException';
}
