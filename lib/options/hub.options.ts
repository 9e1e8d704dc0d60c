import { type AttentionFormat, attentionFormat } from './attention-format.js';
import { hostname } from 'node:os';
import {
  LARGEST_MESSAGE,
  LONGEST_KEEP_ALIVE_MS,
  LARGEST_RETENTION,
  LONGEST_MS,
  MOST_RETAINED_MESSAGES,
} from './limits.js';
import { relayUrl } from './network-rules.js';
import { Accepts, callable, integer, listOf, oneOf, text } from './rules.js';

/**
 * When a client's message counts as delivered: when the gateway has `handled` it, or as soon as
 * the hub server has `received` it.
 *
 * @publicApi
 */
export type AckMode = 'handled' | 'received';

/**
 * What may move a client to another hub server: nothing, a shutdown of the present one, or also its
 * loss (then messages that were not handled are delivered again).
 *
 * @publicApi
 */
export type MigrationLevel = 'off' | 'shutdownOnly' | 'any';

/**
 * What becomes of a running stream that the next server cannot resume: `wait` until it ends,
 * `restart` it there, or `end` it here.
 *
 * @publicApi
 */
export type UnresumableStreams = 'wait' | 'restart' | 'end';

/**
 * Turns a client's message into an event and its data, as `WsAdapter`'s message parser does.
 *
 * @publicApi
 */
export type MessageParser = (
  data: string | Buffer | ArrayBuffer | Buffer[],
) => { event: string; data: unknown } | void;

/**
 * The side that runs gateways.
 *
 * @publicApi
 */
export class HubOptions {
  /**
   * URLs of the relays' service endpoints, `ws://` or `wss://`, or `ws+unix:///run/relay.sock:/migration/service`
   * for a relay's Unix socket. Required in role `hub`.
   *
   * @default []
   */
  @Accepts(listOf(relayUrl))
  readonly relays: readonly string[] = [];

  /**
   * Service connections to each relay.
   *
   * @default 2
   */
  @Accepts(integer(1, 16))
  readonly connectionsPerRelay: number = 2;

  /**
   * Name of this server, for people and for routing; need not be unique.
   *
   * @default the machine's host name
   */
  @Accepts(text(128))
  readonly serverName: string = hostname();

  /**
   * Version of the application.
   *
   * @default '0'
   */
  @Accepts(text(64))
  readonly version: string = '0';

  /**
   * Acknowledgement of gateways that do not choose their own.
   *
   * @default 'handled'
   */
  @Accepts(oneOf('handled', 'received'))
  readonly ack: AckMode = 'handled';

  /**
   * Time between keep-alive messages on a service connection, in milliseconds.
   *
   * @default 5000
   */
  @Accepts(integer(10, LONGEST_KEEP_ALIVE_MS))
  readonly keepAliveMs: number = 5000;

  /**
   * Silence after which a service connection is dead, in milliseconds; at least twice `keepAliveMs`.
   *
   * @default 30000
   */
  @Accepts(integer(10, LONGEST_KEEP_ALIVE_MS))
  readonly deadAfterMs: number = 30_000;

  /**
   * Longest delay before a relay is dialled again, in milliseconds. The first retry is at once,
   * later ones after full jitter.
   *
   * @default 60000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly reconnectMaxMs: number = 60_000;

  /**
   * Largest message to a client, in bytes.
   *
   * @default 16777216
   */
  @Accepts(integer(1, LARGEST_MESSAGE))
  readonly maxMessageBytes: number = 16_777_216;

  /**
   * Outbound bytes retained per connection; above, callbacks of `send` wait.
   *
   * @default 1048576
   */
  @Accepts(integer(1, LARGEST_RETENTION))
  readonly retainedBytes: number = 1_048_576;

  /**
   * Outbound messages retained per connection; above, callbacks of `send` wait.
   *
   * @default 1000
   */
  @Accepts(integer(1, MOST_RETAINED_MESSAGES))
  readonly retainedMessages: number = 1000;

  /**
   * Outbound bytes buffered per connection; above, the client is closed with 1013.
   *
   * @default 16777216
   */
  @Accepts(integer(1, LARGEST_RETENTION))
  readonly maxBufferedBytes: number = 16_777_216;

  /**
   * Time for which a connection waits for its relay after its service connection was lost, in
   * milliseconds; then it counts as disconnected. At least `relay.hubReconnectGraceMs`.
   *
   * @default 60000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly orphanMs: number = 60_000;

  /**
   * What may move the clients of gateways that do not choose their own: nothing (`off`), a shutdown
   * (`shutdownOnly`), or also the loss of the hub server (`any`).
   *
   * @default 'any'
   */
  @Accepts(oneOf('off', 'shutdownOnly', 'any'))
  readonly level: MigrationLevel = 'any';

  /**
   * Message parser of the gateways. Cannot come from the environment.
   *
   * @default undefined, which is `JSON.parse` as in `WsAdapter`
   */
  @Accepts(callable())
  readonly messageParser: MessageParser | undefined = undefined;

  /**
   * Limit of `@OnConnect()` methods and `verifyClient`, in milliseconds.
   *
   * @default 10000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly connectHookMs: number = 10_000;

  /**
   * Limit of a gateway's migration hooks (`@OnMigrationReady()`, `@OnMigrateOut()` together, and
   * `@OnMigrateIn()`), in milliseconds. After it the migration goes on without waiting for them.
   *
   * @default 5000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly migrationHookMs: number = 5000;

  /**
   * Longest time that `client.hold()` keeps a connection from moving, in milliseconds.
   *
   * @default 30000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly holdMs: number = 30_000;

  /**
   * What becomes of a running stream (an Observable or async iterable) without `@OnMigrateResume()`
   * when its connection is to move: it is waited for (`wait`), begun anew by the next server
   * (`restart`), or ended with a frame that says so (`end`).
   *
   * @default 'wait'
   */
  @Accepts(oneOf('wait', 'restart', 'end'))
  readonly unresumable: UnresumableStreams = 'wait';

  /**
   * How a client cancels a request whose handler takes `@Batch()`. Where a gateway handles that event
   * itself, clients cannot. Cannot come from the environment.
   *
   * @default undefined: `{ event: 'cancel', data: { id } }` cancels the request with that `id` or
   * `data.id`, and is answered with `{ event: 'cancelled', data: { id, found } }`
   */
  @Accepts(attentionFormat())
  readonly attention: AttentionFormat | undefined = undefined;
}
