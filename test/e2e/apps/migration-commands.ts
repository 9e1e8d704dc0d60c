import type { MigrationRequestOptions, MigrationService } from 'nestjs-ws-migration';
import { onCommand, report } from './parent.js';

interface RequestArgument {
  connectionId: string;
  options?: MigrationRequestOptions;
}

/** Has the test ask for migrations, and reports how they go. */
export function obeyMigrationCommands(migration: MigrationService): void {
  onCommand('request', async (argument) => {
    const { connectionId, options } = argument as RequestArgument;
    const { attempt } = await migration.request(connectionId, options);
    return { attempt };
  });
  onCommand('cancel', async (connectionId) => {
    await migration.cancel(connectionId as string);
  });
  onCommand('state', (connectionId) => migration.stateOf(connectionId as string));
  migration.events$.subscribe((event) => report('migration event', event));
}
