import { staleEpoch } from './storage.messages.js';

/**
 * A connection cannot be claimed: a server with a higher epoch has it, or it has ended.
 *
 * @publicApi
 */
export class StaleEpochException extends Error {
  override readonly name = 'StaleEpochException';

  constructor(
    readonly connectionId: string,
    /** The epoch of the claim. */
    readonly epoch: number,
    /** The epoch that the storage knows. */
    readonly storedEpoch: number,
    /** Whether the connection has ended at the stored epoch. */
    readonly removed: boolean,
  ) {
    super(staleEpoch(connectionId, epoch, storedEpoch, removed));
  }
}
