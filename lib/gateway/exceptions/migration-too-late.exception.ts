import { MigrationRefusedException } from './migration-refused.exception.js';

/**
 * Thrown when a connection is so far on its way to another hub server that nobody can stop it any more.
 * @publicApi
 */
export class MigrationTooLateException extends MigrationRefusedException {
  override readonly name = 'MigrationTooLateException';

  constructor(connectionId: string, why = 'is on its way to another hub server') {
    super(connectionId, 'tooLate', `Connection ${connectionId} ${why}`);
  }
}
