import { MigrationRefusedException } from './migration-refused.exception.js';

/**
 * Thrown when no relay has the connection: it has ended, or never was.
 * @publicApi
 */
export class UnknownConnectionException extends MigrationRefusedException {
  override readonly name = 'UnknownConnectionException';

  constructor(connectionId: string, why = 'is not known to any relay of this hub server') {
    super(connectionId, 'unknown', `Connection ${connectionId} ${why}`);
  }
}
