import { MigrationRefusedException } from './migration-refused.exception.js';

/**
 * Thrown when a connection must not move: its gateway or the client is marked so, or its state does not fit.
 * @publicApi
 */
export class NotMigratableException extends MigrationRefusedException {
  override readonly name = 'NotMigratableException';

  constructor(connectionId: string, why = 'must not move to another hub server') {
    super(connectionId, 'notMigratable', `Connection ${connectionId} ${why}`);
  }
}
