/**
 * A context as its hub server saved it.
 * @publicApi
 */
export interface StoredContext {
  /** Epoch of the link that saved it: grows whenever the connection changes its server. */
  readonly epoch: number;
  /** Grows with each save of one epoch. */
  readonly sequence: number;
  /** The encoded context; opaque to a storage. */
  readonly context: Uint8Array;
}

/**
 * Keeps the contexts of connections where they outlive hub server and relay. An implementation must
 * be safe against servers that do not know yet that they lost a connection: the epoch decides, and each
 * call compares and changes in one step.
 *
 * For each connection a storage knows its *fence*, the highest epoch that saved or claimed it. What
 * comes with a lower epoch changes nothing. Everything has a lease: what nobody saves, claims or renews
 * within `ttlMs` is gone, with its fence.
 *
 * Each call ends within a limit of the storage. Wrong arguments are a RangeError: epochs and sequences
 * are integers from 0, times are integers from 1, in milliseconds.
 *
 * @publicApi
 */
export abstract class ContextStorage {
  /**
   * Replaces the context of a connection and renews its lease.
   * @returns false, and nothing is changed, when a higher epoch has saved or claimed it, the same epoch
   * has saved the same or a higher sequence, or the connection was removed at that or a higher epoch.
   * A save that is repeated because its answer was lost gives false.
   * @throws ContextStorageUnavailableException
   */
  abstract save(connectionId: string, stored: StoredContext, ttlMs: number): Promise<boolean>;

  /**
   * Takes a connection over: lower epochs are fenced off from now on, and the lease is renewed. May be
   * repeated with the same epoch.
   * @returns what was saved last, by whatever epoch, or undefined
   * @throws StaleEpochException when a higher epoch has saved or claimed it, or the connection was
   * removed at that or a higher epoch
   * @throws ContextStorageUnavailableException; the claim may have been made all the same
   */
  abstract claim(
    connectionId: string,
    epoch: number,
    ttlMs: number,
  ): Promise<StoredContext | undefined>;

  /**
   * Renews the lease of a connection that was saved or claimed.
   * @returns false when it is not there, or a higher epoch has saved or claimed it
   * @throws ContextStorageUnavailableException
   */
  abstract renew(connectionId: string, epoch: number, ttlMs: number): Promise<boolean>;

  /**
   * The connection has ended: its context is gone at once. That it ended at this epoch is remembered
   * for a while, so that a late save cannot bring it back. Does nothing when a higher epoch has saved or
   * claimed it.
   * @throws ContextStorageUnavailableException
   */
  abstract remove(connectionId: string, epoch: number): Promise<void>;

  /** Ends all use; later calls throw ContextStorageUnavailableException. May be called again. */
  abstract close(): Promise<void>;
}
