import { MigrationRefusedException } from './migration-refused.exception.js';

/**
 * Thrown when no relay answers a request about a migration: this process is connected to none, none
 * answered within 5 seconds, or too many requests are under way.
 * @publicApi
 */
export class RelayUnavailableException extends MigrationRefusedException {
  override readonly name = 'RelayUnavailableException';

  constructor(connectionId: string, result: 'noRelay' | 'noAnswer' | 'busy', why: string) {
    super(connectionId, result, `Nothing can be asked about connection ${connectionId}: ${why}`);
  }
}
