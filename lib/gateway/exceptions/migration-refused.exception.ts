/**
 * What came of a request to the relay about a migration, when it was not granted.
 * @publicApi
 */
export type MigrationRefusal =
  | 'unknown'
  | 'tooLate'
  | 'notMigratable'
  | 'closing'
  | 'noTarget'
  | 'alreadyThere'
  | 'nothingToCancel'
  | 'noAnswer'
  | 'noRelay'
  | 'busy';

/**
 * A migration cannot be requested, changed, cancelled or asked about.
 * @publicApi
 */
export class MigrationRefusedException extends Error {
  override readonly name: string = 'MigrationRefusedException';

  /** @param result why, for programs; the message says it for people */
  constructor(
    readonly connectionId: string,
    readonly result: MigrationRefusal,
    message: string,
  ) {
    super(message);
  }
}
