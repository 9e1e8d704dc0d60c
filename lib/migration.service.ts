import { Inject, Injectable, Logger } from '@nestjs/common';
import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnModuleDestroy,
  OnModuleInit,
} from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { Observable } from 'rxjs';
import { AdminRelay } from './admin/admin-relay.js';
import type { HubClient } from './gateway/hub-client.js';
import type {
  MigrationEvent,
  MigrationRequestOptions,
  MigrationStatus,
} from './gateway/migration.js';
import { watchMethods } from './hub/batch/message-methods.js';
import type { MessageMethod } from './hub/batch/message-methods.js';
import { EndpointPolicies } from './hub/endpoint-policies.js';
import type { EndpointPolicy } from './hub/endpoint-policies.js';
import { DirectHandlers } from './hub/direct-handlers.js';
import { GatewayExplorer } from './hub/gateway-explorer.js';
import { stackOf } from './hub/hub-server-runtime.js';
import type { HubServerRuntime } from './hub/hub-server-runtime.js';
import { foreignAdapter, importedTwice } from './hub/hub.messages.js';
import { MigrationRequests } from './hub/migration-requests.service.js';
import type { MigrationTicket } from './hub/migration-requests.service.js';
import { MigrationWsAdapter } from './hub/migration-ws.adapter.js';
import { StoredContexts } from './hub/stored-contexts.js';
import { createHubServer } from './hub-server.factory.js';
import { adminNotImported, noHttpServer, notStarted } from './migration.messages.js';
import { RESOLVED_OPTIONS } from './migration.tokens.js';
import type { MigrationRole, ResolvedOptions, ShutdownMode } from './options/index.js';
import { InProcessTransport } from './protocol/in-process-transport.js';
import { RelayServer } from './relay/relay-server.js';
import type { RelayStats } from './relay/relay-stats.js';
import { GracefulShutdown } from './shutdown/graceful-shutdown.js';
import type { DrainResult, ShutdownStages } from './shutdown/shutdown-stages.js';

/** A hub server that has not started says so after this many milliseconds. */
const NOT_STARTED_HINT_MS = 10_000;

/**
 * The state of this process.
 * @publicApi
 */
export interface MigrationStats {
  /** As a hub server: its client connections and service connections. */
  hub?: { connections: number; serviceConnections: number };
  /** As a relay. */
  relay?: RelayStats;
}

/**
 * This process as a relay, a hub server, or both: starts with the application and stops with it.
 * @publicApi
 */
@Injectable()
export class MigrationService
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown
{
  /** Names this hub server; new at each start. */
  readonly serverId = randomUUID();
  readonly role: MigrationRole;
  /**
   * The steps of the migrations of this hub server's connections to other ones, as they happen. Ends
   * with the application.
   */
  readonly events$: Observable<MigrationEvent>;
  private readonly log = new Logger(MigrationService.name);
  private hub: HubServerRuntime | undefined;
  private relay: RelayServer | undefined;
  private stages: ShutdownStages | undefined;
  private policies: EndpointPolicies | undefined;
  private readonly methods: readonly MessageMethod[];
  private readonly stored: StoredContexts | undefined;
  private started = false;
  private closing = false;
  private hint: NodeJS.Timeout | undefined;

  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(MigrationWsAdapter) private readonly adapter: MigrationWsAdapter,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(HttpAdapterHost) private readonly http: HttpAdapterHost,
    @Inject(GatewayExplorer) private readonly explorer: GatewayExplorer,
    @Inject(GracefulShutdown) private readonly hooks: GracefulShutdown,
    @Inject(AdminRelay) private readonly admin: AdminRelay,
    @Inject(MigrationRequests) private readonly requests: MigrationRequests,
    @Inject(DirectHandlers) direct: DirectHandlers,
  ) {
    this.role = options.role;
    this.events$ = requests.events$;
    this.stored = StoredContexts.of(options.context, this.log);
    config.setIoAdapter(adapter);
    adapter.gatewaysToBind = () => explorer.instances();
    adapter.directHandlers = direct;
    // Now: Nest holds on to the gateways' methods before it calls any hook.
    this.methods = watchMethods(explorer.messageMethods(), options.hub.unresumable);
  }

  /**
   * @throws Error when the application uses another WebSocket adapter, its gateways contradict each
   * other, or the admin API is enabled and not there
   */
  onModuleInit(): void {
    this.checkAdapter();
    if (this.options.admin.enabled && !this.admin.imported) throw new Error(adminNotImported());
    const gateways = this.explorer.explore();
    const { hub, shutdown } = this.options;
    this.policies = new EndpointPolicies(gateways, {
      ack: hub.ack,
      level: hub.level,
      shutdown: shutdown.mode,
      unresumable: hub.unresumable,
    });
    for (const { metatype, onShutdown } of gateways) {
      for (const hook of onShutdown) this.hooks.addMethod(metatype, hook);
    }
    if (this.role !== 'relay') this.createHub(this.policies);
  }

  async onApplicationBootstrap(): Promise<void> {
    this.checkAdapter();
    if (this.role !== 'hub') await this.startRelay();
    this.http.listen$?.subscribe(() => this.start());
    if (this.hub)
      this.hint = setTimeout(() => this.log.warn(notStarted()), NOT_STARTED_HINT_MS).unref();
  }

  /**
   * Connects this hub server to its relays. Called by itself after `app.listen()`; an application
   * that only calls `app.init()` calls it when it is ready. Idempotent.
   */
  start(): void {
    clearTimeout(this.hint);
    if (this.started || this.closing || !this.hub || this.stages?.begun) return;
    this.started = true;
    if (this.relay) {
      const [relayEnd, hubEnd] = InProcessTransport.pair();
      this.relay.core.attach(relayEnd, { authenticatedAs: this.serverId });
      this.hub.attach(hubEnd);
    }
    this.hub.dial();
  }

  /**
   * Lets this hub server's clients go, as on a shutdown: out of routing, hooks, clients by mode, end
   * of the service connections. For applications whose other resources close early, and for deploy
   * tools. Idempotent; never rejects.
   */
  async drain(): Promise<DrainResult> {
    return (
      (await this.stages?.drain()) ?? { migrated: 0, closed: {}, failedHooks: 0, durationMs: 0 }
    );
  }

  /**
   * Asks for a connection to be moved to another hub server, once nothing is at work on it. Asked
   * again before that, the request is changed: its target, reason and deadline.
   * @param connection a client of this hub server, or the id of one of any
   * @returns when the relay has taken the request, which is long before the connection has moved
   * @throws UnknownConnectionException, NotMigratableException, NoMigrationTargetException
   * @throws MigrationTooLateException when it is on its way already
   * @throws RelayUnavailableException
   * @throws MigrationRefusedException when it is closing (`closing`) or there already (`alreadyThere`)
   * @throws RangeError for options that no relay would take
   */
  request(
    connection: HubClient | string,
    options?: MigrationRequestOptions,
  ): Promise<MigrationTicket> {
    return this.requests.request(connection, options);
  }

  /**
   * Takes the request for a connection's migration back, whoever made it.
   * @throws MigrationTooLateException when it is on its way already
   * @throws MigrationRefusedException when none was made (`nothingToCancel`)
   * @throws UnknownConnectionException, RelayUnavailableException
   */
  cancel(connection: HubClient | string): Promise<MigrationStatus> {
    return this.requests.cancel(connection);
  }

  /**
   * How far a connection's migration is, on whichever hub server it is. Of a client that is here
   * `client.migrationState` says so at once.
   * @throws UnknownConnectionException, RelayUnavailableException
   */
  stateOf(connection: HubClient | string): Promise<MigrationStatus> {
    return this.requests.stateOf(connection);
  }

  /** The present state of this process. */
  stats(): MigrationStats {
    const { hub, relay } = this;
    return {
      ...(hub && {
        hub: {
          connections: hub.core.connections.size,
          serviceConnections: hub.core.sessions.size,
        },
      }),
      ...(relay && { relay: relay.core.stats() }),
    };
  }

  onModuleDestroy(): void {
    this.closing = true;
    clearTimeout(this.hint);
    void this.stages?.offline();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.drain();
    this.requests.end();
    await this.stored?.close();
    try {
      await this.relay?.stop();
    } catch (error) {
      this.log.error('The relay did not stop cleanly', stackOf(error));
    }
  }

  private checkAdapter() {
    const used: unknown = this.config.getIoAdapter();
    if (used === this.adapter) return;
    if (used instanceof MigrationWsAdapter) throw new Error(importedTwice());
    throw new Error(foreignAdapter((used as object).constructor.name));
  }

  private createHub(policies: EndpointPolicies) {
    const { hub, stages } = createHubServer({
      serverId: this.serverId,
      options: this.options,
      adapter: this.adapter,
      policies,
      methods: this.methods,
      requests: this.requests,
      stored: this.stored,
      hooks: this.hooks,
      log: this.log,
      modeOf: (policy) => this.shutdownMode(policy),
    });
    this.hub = hub;
    this.stages = stages;
  }

  /** When the own relay stops too, its clients cannot stay on it: migrating them leads nowhere. */
  private shutdownMode({ shutdown, level }: EndpointPolicy): ShutdownMode {
    const stays = level === 'off' || (this.closing && this.relay !== undefined);
    return stays && shutdown === 'migrateClients' ? 'off' : shutdown;
  }

  private async startRelay() {
    const { httpAdapter } = this.http;
    const httpServer = httpAdapter?.getHttpServer() as Server | undefined;
    if (!httpServer) throw new Error(noHttpServer());
    this.relay = new RelayServer({
      options: this.options.relay,
      security: this.options.security,
      httpServer,
      requireSecureService: this.role === 'relay',
      log: this.log,
    });
    if (this.role === 'both') {
      this.relay.core.announce(this.adapter.endpoints.map(({ endpoint }) => endpoint));
    }
    await this.relay.start();
    this.admin.attach(this.relay.core);
  }
}
