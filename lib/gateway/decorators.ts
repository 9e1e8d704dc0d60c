import { SetMetadata } from '@nestjs/common';
import type {
  AckMode,
  MigrationLevel,
  ShutdownMode,
  UnresumableStreams,
} from '../options/index.js';
import { defineState } from './state/state-definition.js';
import type { StateDefinition, StateOptions } from './state/state-definition.js';
import { stateOptionWithoutState } from './state/state.messages.js';

export const MIGRATABLE = 'nestjs-ws-migration:migratable';
export const ON_CONNECT = 'nestjs-ws-migration:on-connect';
export const ON_SHUTDOWN = 'nestjs-ws-migration:on-shutdown';

/**
 * How the clients of one gateway are moved.
 * @publicApi
 */
export interface MigratableOptions<State extends object = object> extends Partial<
  StateOptions<State>
> {
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
  /**
   * What becomes of a running stream without `@OnMigrateResume()` when its client is to move.
   * @default the module's `hub.unresumable`
   */
  unresumable?: UnresumableStreams;
}

/** What `@Migratable()` leaves on a gateway. */
export interface MigratableMark extends Omit<MigratableOptions, keyof StateOptions<object>> {
  readonly definition?: StateDefinition;
}

/**
 * Class decorator of a gateway: overrides the module's options for its clients. Gateways that share
 * a port and a path share their clients, so they must not contradict each other; the state of the
 * clients is named on one of them, or on several by the same options object.
 * @throws TypeError for a value that is none of those accepted
 * @publicApi
 */
export const Migratable = <State extends object = object>(
  options: MigratableOptions<State> = {},
): ClassDecorator => {
  const { state, version, upgrade, types, ...others } = options;
  check('ack', others.ack, ['handled', 'received']);
  check('level', others.level, ['off', 'shutdownOnly', 'any']);
  check('shutdown', others.shutdown, ['migrateClients', 'waitForClientsClose', 'off']);
  check('unresumable', others.unresumable, ['wait', 'restart', 'end']);
  const definition = state && definitionOf({ ...options, state }, options);
  if (!definition) {
    for (const [name, value] of Object.entries({ version, upgrade, types })) {
      if (value !== undefined) throw new TypeError(stateOptionWithoutState(name));
    }
  }
  return SetMetadata(MIGRATABLE, { ...others, ...(definition && { definition }) });
};

/** Gateways that are given the same options share what their clients have. */
const definitions = new WeakMap<object, StateDefinition>();

function definitionOf<State extends object>(options: StateOptions<State>, given: object) {
  const definition = definitions.get(given) ?? (defineState(options) as unknown as StateDefinition);
  definitions.set(given, definition);
  return definition;
}

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
