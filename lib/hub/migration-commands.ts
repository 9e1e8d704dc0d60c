import type { CommandResult, MigrationAnswer, MigrationCommand } from '../protocol/messages.js';

/** What is asked of a connection's migration. */
export type MoveCommand = Pick<MigrationCommand, 'action' | 'to' | 'deadlineMs' | 'reason'>;

/**
 * What came of it. Besides what the relay says: `noAnswer`, no relay said anything in time; `noRelay`,
 * there is none to ask; `busy`, too many commands are under way.
 */
export type CommandAnswer = Omit<MigrationAnswer, 'type' | 'request' | 'result'> & {
  result: CommandResult | 'noAnswer' | 'noRelay' | 'busy';
};
