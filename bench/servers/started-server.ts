import type { MigrationService } from 'nestjs-ws-migration';

export const HOST = '127.0.0.1';

/** What a server process is. */
export type ServerRole = 'stock' | 'relay' | 'hub' | 'both' | 'ws' | 'socket.io';

export interface StartedServer {
  /** Where clients connect; undefined in a hub server. */
  readonly port: number | undefined;
  /** In processes of the library. */
  readonly migration?: MigrationService;
  close(): Promise<void>;
}
