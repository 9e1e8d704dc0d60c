import { SetMetadata } from '@nestjs/common';
import type { AckMode, MigrationLevel, ShutdownMode } from '../options/index.js';

export const MIGRATABLE = 'nestjs-ws-migration:migratable';
export const ON_CONNECT = 'nestjs-ws-migration:on-connect';
export const ON_SHUTDOWN = 'nestjs-ws-migration:on-shutdown';

/**
 * How the clients of one gateway are moved.
 * @publicApi
 */
export interface MigratableOptions {
  /**
   * When a client's message counts as delivered: `handled` by all handlers, or `received` by them.
   * Until then another hub server gets it again if this one is lost.
   * @default the module's `hub.ack`
   */
  ack?: AckMode;
  /**
   * What may move the clients to another hub server: nothing (`off`), a shutdown (`shutdownOnly`), or
   * also the loss of this server (`any`), after which messages that were not handled come again.
   * @default the module's `hub.level`
   */
  level?: MigrationLevel;
  /**
   * What happens to the clients when this server shuts down.
   * @default the module's `shutdown.mode`
   */
  shutdown?: ShutdownMode;
}

/**
 * Class decorator of a gateway: overrides the module's options for its clients. Gateways that share
 * a port and a path share their clients, so they must not contradict each other.
 * @throws TypeError for a value that is none of those accepted
 * @publicApi
 */
export const Migratable = (options: MigratableOptions = {}): ClassDecorator => {
  check('ack', options.ack, ['handled', 'received']);
  check('level', options.level, ['off', 'shutdownOnly', 'any']);
  check('shutdown', options.shutdown, ['migrateClients', 'waitForClientsClose', 'off']);
  return SetMetadata(MIGRATABLE, options);
};

function check(option: string, value: string | undefined, accepted: readonly string[]) {
  if (value === undefined || accepted.includes(value)) return;
  throw new TypeError(
    `@Migratable({ ${option} }) must be one of ${accepted.join(', ')} (got ${String(value)})`,
  );
}

/**
 * Method decorator of a gateway: asked before a client's upgrade is answered, with the request.
 * `false` or `ConnectionRefusedException` refuses the client with an HTTP status (403 by default), an
 * `HttpException` with its own; any other error with 500. Not asked when a connection moves here.
 * Limit: `hub.connectHookMs`.
 * @publicApi
 */
export const OnConnect = (): MethodDecorator => SetMetadata(ON_CONNECT, true);

/**
 * Method decorator of a gateway: awaited when this server shuts down, after it is out of routing and
 * before its clients leave; it can still send to them. Runs in the order of registration; one that
 * throws or never ends does not keep the others from running.
 * @publicApi
 */
export const OnShutdown = (): MethodDecorator => SetMetadata(ON_SHUTDOWN, true);
