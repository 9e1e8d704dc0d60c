import { MigrationRefusedException } from '../gateway/exceptions/migration-refused.exception.js';
import { MigrationTooLateException } from '../gateway/exceptions/migration-too-late.exception.js';
import { NoMigrationTargetException } from '../gateway/exceptions/no-migration-target.exception.js';
import { NotMigratableException } from '../gateway/exceptions/not-migratable.exception.js';
import { RelayUnavailableException } from '../gateway/exceptions/relay-unavailable.exception.js';
import { UnknownConnectionException } from '../gateway/exceptions/unknown-connection.exception.js';
import type { CommandAnswer } from './migration-commands.js';
import * as messages from './move.messages.js';

/** What the application gets for a command that was not granted. */
export function refusedCommand(
  connectionId: string,
  result: Exclude<CommandAnswer['result'], 'ok'>,
): MigrationRefusedException {
  switch (result) {
    case 'unknown':
      return new UnknownConnectionException(connectionId);
    case 'tooLate':
      return new MigrationTooLateException(connectionId);
    case 'notMigratable':
      return new NotMigratableException(connectionId);
    case 'noTarget':
      return new NoMigrationTargetException(connectionId);
    case 'noAnswer':
    case 'noRelay':
    case 'busy':
      return new RelayUnavailableException(connectionId, result, messages.UNAVAILABLE[result]);
    case 'closing':
    case 'alreadyThere':
    case 'nothingToCancel':
      return new MigrationRefusedException(
        connectionId,
        result,
        messages.moveRefused(connectionId, messages.REFUSED[result]),
      );
  }
}
