import { MigrationRefusedException } from './migration-refused.exception.js';

/**
 * Thrown when no hub server fits that could take the connection.
 * @publicApi
 */
export class NoMigrationTargetException extends MigrationRefusedException {
  override readonly name = 'NoMigrationTargetException';

  constructor(connectionId: string, why = 'has no other hub server that it could move to') {
    super(connectionId, 'noTarget', `Connection ${connectionId} ${why}`);
  }
}
