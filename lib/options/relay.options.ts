import {
  LARGEST_MESSAGE,
  LARGEST_RETENTION,
  LONGEST_MS,
  MOST_RETAINED_MESSAGES,
} from './limits.js';
import { headerName, ingressAddress } from './ingress-rules.js';
import { addressRange, host, urlPath } from './network-rules.js';
import type { RoutingStrategy } from './routing-strategy.js';
import { socketPath } from './unix-sockets.js';
import { Accepts, callable, either, integer, listOf, oneOf } from './rules.js';

const MOST_CONNECTIONS = 10_000_000;
const HIGHEST_RATE = 1_000_000;
const HIGHEST_PORT = 65_535;

/**
 * The side that holds client connections.
 *
 * @publicApi
 */
export class RelayOptions {
  /**
   * Path on which service connections are accepted.
   *
   * @default '/migration/service'
   */
  @Accepts(urlPath)
  readonly servicePath: string = '/migration/service';

  /**
   * Own port for service connections; 0 is any free port.
   *
   * @default undefined; the application's HTTP server takes them if there is no `serviceSocket` either
   */
  @Accepts(integer(0, HIGHEST_PORT))
  readonly servicePort: number | undefined = undefined;

  /**
   * Address the own port for service connections listens on.
   *
   * @default '127.0.0.1'
   */
  @Accepts(host)
  readonly serviceHost: string = '127.0.0.1';

  /**
   * Path of an own Unix socket for service connections of hub servers on this machine; each relay needs
   * one of its own. Who may write to it can connect; without `security.secrets` and `security.publicKeys`
   * that is enough to be a hub server. One that was left behind by a killed process is replaced.
   *
   * @default undefined, which is none
   */
  @Accepts(socketPath)
  readonly serviceSocket: string | undefined = undefined;

  /**
   * Addresses or CIDR ranges of the proxies whose `X-Forwarded-For` is believed.
   *
   * @default []
   */
  @Accepts(listOf(addressRange))
  readonly trustedProxies: readonly string[] = [];

  /**
   * Whether connections begin with a header of the PROXY protocol, version 1 or 2: `accept` reads one
   * from `trustedProxies` if it is there, `require` cuts all other connections. Not with an HTTPS
   * server.
   *
   * @default 'off'
   */
  @Accepts(oneOf('off', 'accept', 'require'))
  readonly proxyProtocol: 'off' | 'accept' | 'require' = 'off';

  /**
   * Request header in which a trusted proxy names the ingress instance that it is, such as
   * `x-ingress-instance`.
   *
   * @default undefined
   */
  @Accepts(headerName)
  readonly ingressHeader: string | undefined = undefined;

  /**
   * Ingress instances by address, where there is no header: `id=address` with an IP address, an IP
   * address and port, or a CIDR range. Looked up is the address that the client connected to, as the
   * PROXY protocol tells it, then the peer's. An id can have several entries.
   *
   * @default []
   */
  @Accepts(listOf(ingressAddress))
  readonly ingresses: readonly string[] = [];

  /**
   * Gateway paths that are known before a hub server announces them: a client is held, then
   * answered 503, where it would have been answered 404.
   *
   * @default []
   */
  @Accepts(listOf(urlPath))
  readonly paths: readonly string[] = [];

  /**
   * Own gateway ports that may be opened when a hub server announces them.
   *
   * @default undefined, which is any announced port
   */
  @Accepts(listOf(integer(1, HIGHEST_PORT)))
  readonly gatewayPorts: readonly number[] | undefined = undefined;

  /**
   * Address own gateway ports listen on.
   *
   * @default undefined, which is all addresses
   */
  @Accepts(host)
  readonly gatewayHost: string | undefined = undefined;

  /**
   * How long an upgrade for a known path without a server is held before 503, in milliseconds.
   *
   * @default 5000
   */
  @Accepts(integer(0, LONGEST_MS))
  readonly holdUpgradeMs: number = 5000;

  /**
   * Limit of the hub server's decision on a client and of a service connection's handshake, in
   * milliseconds.
   *
   * @default 15000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly handshakeTimeoutMs: number = 15_000;

  /**
   * Largest client message, in bytes; the client is closed with 1009 above.
   *
   * @default 1048576
   */
  @Accepts(integer(1, LARGEST_MESSAGE))
  readonly maxMessageBytes: number = 1_048_576;

  /**
   * Largest request line and headers of a client's upgrade, in bytes; 431 above.
   *
   * @default 16384
   */
  @Accepts(integer(256, 1_048_576))
  readonly maxHeaderBytes: number = 16_384;

  /**
   * Client connections in total; 503 above.
   *
   * @default 100000
   */
  @Accepts(integer(1, MOST_CONNECTIONS))
  readonly maxConnections: number = 100_000;

  /**
   * Client connections per client address; 429 above.
   *
   * @default 20000
   */
  @Accepts(integer(1, MOST_CONNECTIONS))
  readonly maxConnectionsPerAddress: number = 20_000;

  /**
   * New client connections per second; 503 with `Retry-After` above.
   *
   * @default 5000
   */
  @Accepts(integer(1, HIGHEST_RATE))
  readonly maxNewConnectionsPerSecond: number = 5000;

  /**
   * Service connections in total.
   *
   * @default 1000
   */
  @Accepts(integer(1, 100_000))
  readonly maxServiceConnections: number = 1000;

  /**
   * Time between pings to a client, in milliseconds; two unanswered end it. 0 switches pings off.
   *
   * @default 30000
   */
  @Accepts(integer(0, LONGEST_MS))
  readonly pingIntervalMs: number = 30_000;

  /**
   * Limit of a closing handshake, in milliseconds.
   *
   * @default 30000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly closeTimeoutMs: number = 30_000;

  /**
   * Who reads and writes the frames of clients: this library, which is faster, or the package `ws`.
   * Clients whose messages are compressed (`perMessageDeflate` of their gateway) always have `ws`.
   *
   * @default 'own'
   */
  @Accepts(oneOf('own', 'ws'))
  readonly clientFrames: 'own' | 'ws' = 'own';

  /**
   * Inbound bytes retained per connection; above, the client's socket is paused.
   *
   * @default 1048576
   */
  @Accepts(integer(1, LARGEST_RETENTION))
  readonly retainedBytes: number = 1_048_576;

  /**
   * Inbound messages retained per connection; above, the client's socket is paused.
   *
   * @default 1000
   */
  @Accepts(integer(1, MOST_RETAINED_MESSAGES))
  readonly retainedMessages: number = 1000;

  /**
   * Inbound bytes retained in total.
   *
   * @default 268435456
   */
  @Accepts(integer(1, 1_099_511_627_776))
  readonly retainedTotalBytes: number = 268_435_456;

  /**
   * Bytes of checkpoints kept in total. Above, the checkpoint of a connection is forgotten; its client
   * is then closed with 1012 instead of being taken over when its hub server is lost.
   *
   * @default 268435456
   */
  @Accepts(integer(0, 1_099_511_627_776))
  readonly contextTotalBytes: number = 268_435_456;

  /**
   * Time for a hub server to return after all its service connections were lost, in milliseconds;
   * then other hub servers take over its clients.
   *
   * @default 2000
   */
  @Accepts(integer(0, LONGEST_MS))
  readonly hubReconnectGraceMs: number = 2000;

  /**
   * Limit of one step of a migration, in milliseconds.
   *
   * @default 10000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly migrationStepMs: number = 10_000;

  /**
   * Time in which a migration that was asked for must be over, in milliseconds, when the request does
   * not say.
   *
   * @default 30000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly migrationRequestMs: number = 30_000;

  /**
   * Server migrations started per second.
   *
   * @default 500
   */
  @Accepts(integer(1, HIGHEST_RATE))
  readonly migrationsPerSecond: number = 500;

  /**
   * Time in which an ingress that is about to be reloaded is to be cleared, in milliseconds, when the
   * call does not say.
   *
   * @default 30000
   */
  @Accepts(integer(1, LONGEST_MS))
  readonly ingressReloadMs: number = 30_000;

  /**
   * What becomes of the reload of an ingress that is the only way to a hub server with clients: it is
   * refused, or waits until there is another way.
   *
   * @default 'refuse'
   */
  @Accepts(oneOf('refuse', 'wait'))
  readonly lastIngress: 'refuse' | 'wait' = 'refuse';

  /**
   * Which hub server a client is routed to. A function cannot come from the environment.
   *
   * @default 'leastConnections'
   */
  @Accepts(either(oneOf('leastConnections'), callable()))
  readonly routing: 'leastConnections' | RoutingStrategy = 'leastConnections';
}
