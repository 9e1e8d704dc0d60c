import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { parseIngress } from '../options/index.js';
import type { ResolvedRelayOptions, ResolvedSecurityOptions } from '../options/index.js';
import type { Clock, RandomSource } from '../protocol/clock.js';
import { createTokenVerifier } from '../transport/service-token.js';
import { relayClock, systemRandom } from '../transport/system-clock.js';
import { createAddressReader, createTrust } from './client-address.js';
import { ClientUpgrades } from './client-upgrades.js';
import { routeBy } from './configured-route.js';
import { InsecureRelayError, exposedAddress, notOffered } from './exposure-guard.js';
import { FailureLog } from './failure-log.js';
import { GatewayPorts } from './gateway-ports.js';
import { refuseUpgrade } from './http-refusal.js';
import type { HubServerEntry } from './hub-server-entry.js';
import { createIngressFinder } from './ingress-finder.js';
import { createOwnServer, listen, stopListening } from './own-http-server.js';
import { ProxyProtocolGate } from './proxy-protocol-gate.js';
import { RelayCore } from './relay-core.js';
import type { RelayLog } from './relay-log.js';
import { ServiceEndpoint } from './service-endpoint.js';
import { TrackedSockets } from './tracked-sockets.js';
import { listenOnSocket } from './unix-socket.js';
import type { Upgrade } from './upgrade-request.js';

/** Clients have this long to answer the close frame of a relay that stops, in milliseconds. */
const STOP_CLIENTS_MS = 5000;
/** Hub servers have this long to end their service connections, in milliseconds. */
const STOP_SESSIONS_MS = 1500;

export interface RelayServerDeps {
  readonly options: ResolvedRelayOptions;
  readonly security: ResolvedSecurityOptions;
  /** The application's HTTP server. */
  readonly httpServer?: Server | undefined;
  /**
   * Whether this relay refuses to start when anybody could open service connections; otherwise it
   * goes on without accepting any.
   */
  readonly requireSecureService: boolean;
  readonly log: RelayLog;
  readonly clock?: Clock;
  readonly random?: RandomSource;
}

/** A relay with its sockets: clients and service connections on the application's HTTP server and own ports. */
export class RelayServer {
  readonly core: RelayCore;
  private readonly clientSockets = new TrackedSockets();
  private readonly serviceSockets = new TrackedSockets();
  private readonly clients: ClientUpgrades;
  private readonly service: ServiceEndpoint;
  private readonly gatewayPorts: GatewayPorts;
  private readonly gate: ProxyProtocolGate;
  private readonly hasVerifier: boolean;
  private ownPort: Server | undefined;
  private ownSocket: Server | undefined;
  private serviceOffered: boolean;
  private stopping: Promise<void> | undefined;

  constructor(private readonly deps: RelayServerDeps) {
    const { options, security, log, clock = relayClock, random = systemRandom } = deps;
    const failures = new FailureLog(log, clock);
    this.core = new RelayCore(
      {
        ...options,
        ingresses: [...new Set(options.ingresses.map((entry) => parseIngress(entry)!.id))],
        stepMs: options.migrationStepMs,
        route: routeBy(options.routing, log),
      },
      clock,
      random,
      {
        serverJoined: (server) => this.serverJoined(server),
        serverLeft: ({ serverName, serverId }, reason) =>
          log.log(`Hub server ${serverName} (${serverId}) left${reason && `: ${reason}`}`),
        sessionEnded: (serverId, code, reason) => {
          const text = `ended: ${code} ${reason}`;
          if (code < 1002) return;
          if (serverId) log.warn(`Service connection of ${serverId} ${text}`);
          else failures.warn('a peer without handshake', `Service connection ${text}`);
        },
        fault: (error) => log.error(`Internal fault: ${(error as Error).stack ?? String(error)}`),
      },
    );
    const verify = createTokenVerifier(security);
    this.hasVerifier = verify !== undefined;
    const isTrusted = createTrust(options.trustedProxies);
    this.gate = new ProxyProtocolGate(options, isTrusted, clock, failures);
    const headerOf = (socket: object) => this.gate.headerOf(socket);
    const ingressOf = createIngressFinder(options, isTrusted, headerOf, failures);
    const addressOf = createAddressReader(isTrusted, headerOf);
    this.service = new ServiceEndpoint(
      this.core,
      options,
      verify,
      this.serviceSockets,
      failures,
      headerOf,
      ingressOf,
    );
    this.clients = new ClientUpgrades(this.core, options, clock, this.clientSockets, log, {
      addressOf,
      ingressOf,
    });
    this.gatewayPorts = new GatewayPorts(
      options,
      (port, upgrade) => this.clients.handle(port, upgrade, false),
      log,
      this.gate,
    );
    this.serviceOffered = options.servicePort === undefined && options.serviceSocket === undefined;
  }

  /**
   * Starts to accept clients and service connections.
   * @throws InsecureRelayError when anybody could open service connections
   * @throws ProxyProtocolOverTlsError
   */
  async start(): Promise<void> {
    const { httpServer, options } = this.deps;
    if (httpServer) {
      this.guard(httpServer);
      this.gate.guard(httpServer);
      httpServer.on('upgrade', this.onUpgrade);
    }
    this.clients.pings.start();
    const { servicePort, serviceHost, serviceSocket } = options;
    if (servicePort !== undefined) {
      this.ownPort = this.ownServer('Service port', this.gate);
      await listen(this.ownPort, { port: servicePort, host: serviceHost });
    }
    if (serviceSocket !== undefined) {
      this.ownSocket = this.ownServer('Service socket', undefined);
      await listenOnSocket(this.ownSocket, serviceSocket);
    }
  }

  /** The own port for service connections, when it is open. */
  servicePort(): number | undefined {
    return (this.ownPort?.address() as AddressInfo | null | undefined)?.port;
  }

  /** Closes clients with 1012, ends service connections, stops to listen. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= this.close();
    return this.stopping;
  }

  private readonly onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const upgrade = { request, socket: socket as Upgrade['socket'], head };
    if (this.serviceOffered && this.service.serves(request)) {
      void this.service.handle(upgrade);
    } else {
      const shared = this.deps.httpServer!.listenerCount('upgrade') > 1;
      this.clients.handle(0, upgrade, shared);
    }
  };

  private async close() {
    const { httpServer, options } = this.deps;
    this.gatewayPorts.close();
    this.gate.close();
    if (this.ownPort) stopListening(this.ownPort);
    if (this.ownSocket) stopListening(this.ownSocket);
    this.clients.pings.stop();
    this.core.closeClients(1012, 'the relay is stopping');
    await this.clientSockets.whenEmpty(Math.min(STOP_CLIENTS_MS, options.closeTimeoutMs));
    this.core.endSessions();
    await this.serviceSockets.whenEmpty(STOP_SESSIONS_MS);
    httpServer?.off('upgrade', this.onUpgrade).off('listening', this.onListening);
    this.clientSockets.destroyAll();
    this.serviceSockets.destroyAll();
  }

  /** @param gate undefined behind a Unix socket, on which nobody is but this machine's processes */
  private ownServer(name: string, gate: ProxyProtocolGate | undefined): Server {
    const { options, log } = this.deps;
    const server = createOwnServer(options, 404, gate, (upgrade) => {
      if (this.service.serves(upgrade.request)) void this.service.handle(upgrade, !gate);
      else this.refuseService(upgrade);
    });
    return server.once('listening', () =>
      server.on('error', ({ message }) => log.error(`${name}: ${message}`)),
    );
  }

  private refuseService({ socket }: Upgrade) {
    this.serviceSockets.add(socket);
    refuseUpgrade(socket, { status: 404, text: 'nothing is served at this path' });
  }

  private serverJoined({ serverName, serverId, version, endpoints }: HubServerEntry) {
    this.deps.log.log(`Hub server ${serverName} (${serverId}), version ${version}, joined`);
    for (const { port } of endpoints.values()) {
      if (port > 0) void this.gatewayPorts.ensure(port);
    }
  }

  /** Without a key, service connections are for this machine alone: others must not reach them. */
  private guard(httpServer: Server) {
    if (!this.serviceOffered || this.hasVerifier) return;
    if (!httpServer.listening) {
      httpServer.prependListener('listening', this.onListening);
      return;
    }
    const error = this.checkExposure(httpServer);
    if (error) throw error;
  }

  private readonly onListening = () => {
    const httpServer = this.deps.httpServer!;
    const error = this.checkExposure(httpServer);
    if (!error) return;
    httpServer.close();
    httpServer.emit('error', error);
  };

  private checkExposure(httpServer: Server): InsecureRelayError | undefined {
    const address = exposedAddress(httpServer);
    this.serviceOffered = address === undefined;
    if (address === undefined) return undefined;
    if (this.deps.requireSecureService) return new InsecureRelayError(address);
    this.deps.log.log(notOffered(address));
    return undefined;
  }
}
