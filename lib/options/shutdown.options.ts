import { LONGEST_MS } from './limits.js';
import { Accepts, integer, oneOf } from './rules.js';

/**
 * What becomes of the clients of a server that shuts down: they are migrated to another one,
 * waited for, or (`off`) closed.
 *
 * @publicApi
 */
export type ShutdownMode = 'migrateClients' | 'waitForClientsClose' | 'off';

/**
 * How a hub server shuts down.
 *
 * @publicApi
 */
export class ShutdownOptions {
  /**
   * What becomes of the clients, for gateways that do not choose their own.
   *
   * @default 'migrateClients'
   */
  @Accepts(oneOf('migrateClients', 'waitForClientsClose', 'off'))
  readonly mode: ShutdownMode = 'migrateClients';

  /**
   * One budget for all stages before the last, in milliseconds.
   *
   * @default 30000
   */
  @Accepts(integer(0, LONGEST_MS))
  readonly timeoutMs: number = 30_000;

  /**
   * Time after which FIN is sent again while FINACK is missing, in milliseconds.
   *
   * @default 5000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly finIntervalMs: number = 5000;

  /**
   * Clients closed per turn of the event loop in mode `off`.
   *
   * @default 100
   */
  @Accepts(integer(1, 1_000_000))
  readonly closeBatch: number = 100;
}
