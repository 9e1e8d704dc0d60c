import type { Clock } from '../protocol/clock.js';
import { ServiceCloseCode } from '../protocol/errors.js';
import { HubLink } from '../protocol/hub-link.js';
import type { AckMode } from '../protocol/hub-link.js';
import type {
  HubLinkHost,
  HubLinkOwner,
  LinkEndCause,
  MoveChange,
} from '../protocol/hub-link-owner.js';
import { HubSession } from '../protocol/hub-session.js';
import { MessageType } from '../protocol/messages.js';
import type {
  ConnectionsGone,
  Endpoint,
  EndpointKey,
  MigrateConnectionAckElsewhere,
  OpenConnection,
  RebindConnection,
} from '../protocol/messages.js';
import type { OutboundLimits } from '../protocol/outbound-window.js';
import type { LinkChannel, SessionTimes } from '../protocol/session.js';
import { MAX_RECLAIMED } from '../protocol/schema.js';
import type { Transport } from '../protocol/transport.js';
import { FinRepeater } from './fin-repeater.js';
import { LeaveCounts } from './leave-counts.js';
import { MigrationCommands } from './migration-commands.js';
import type { CommandAnswer, MoveCommand } from './migration-commands.js';
import { Orphans } from './orphans.js';

export interface HubCoreOptions extends SessionTimes, OutboundLimits {
  serverId: string;
  serverName: string;
  version: string;
  /** When this process started, in milliseconds since 1970. */
  startedAt?: number;
  /** A connection that lost its service connection ends after this many milliseconds. */
  orphanMs: number;
  /** FIN is sent again after this many milliseconds without FINACK. */
  finIntervalMs: number;
}

/** What a hub server's application does with connections. */
export interface HubApplication {
  readonly endpoints: readonly Endpoint[];
  /** How messages of an endpoint are acknowledged. */
  ackMode(endpoint: EndpointKey): AckMode;
  /**
   * A connection arrives. Call `bind` at once to get its link, then accept or refuse on the link, at
   * once or later.
   */
  open(message: OpenConnection, bind: (owner: HubLinkOwner) => HubLink): void;
}

/** What happens in a hub server, for its log and its listeners. */
export interface HubObserver {
  sessionEstablished?(session: HubSession): void;
  sessionEnded?(session: HubSession, code: number, reason: string): void;
  fault?(error: unknown): void;
  /** A step of a connection's move to another hub server. */
  migrationChanged?(link: HubLink, change: MoveChange): void;
}

/** Why a connection is elsewhere when nobody told this server before. */
const CRASH = { reason: 'crash', attempt: 0 };

/**
 * The hub server without its sockets: sessions with relays, links, and the protocol's part of a
 * shutdown. Does no I/O.
 */
export class HubCore implements HubLinkHost {
  readonly sessions = new Set<HubSession>();
  readonly connections = new Set<HubLink>();
  /** Connections that left, by how. */
  readonly left = new LeaveCounts();
  private readonly commands: MigrationCommands;
  private readonly fins: FinRepeater;
  private readonly orphans: Orphans;
  private readonly byId = new Map<string, HubLink>();
  private offline = false;
  private stopped = false;
  /** What is being drained; also relays that connect from now on hear of it. */
  private drained: { until: number; endpoints: EndpointKey[] } | undefined;
  private readonly leaveListeners = new Set<(link: HubLink) => void>();

  constructor(
    readonly options: HubCoreOptions,
    private readonly application: HubApplication,
    readonly clock: Clock,
    private readonly observer: HubObserver = {},
  ) {
    this.orphans = new Orphans(clock, options.orphanMs);
    this.commands = new MigrationCommands(this.sessions, clock);
    this.fins = new FinRepeater(clock, options.finIntervalMs);
  }

  /** Begins a session on a service connection to a relay. */
  attach(transport: Transport): HubSession {
    const { serverId, serverName, version, keepAliveMs, deadAfterMs, startedAt } = this.options;
    const hello = {
      serverId,
      serverName,
      appVersion: version,
      endpoints: [...this.application.endpoints],
      keepAliveMs,
      deadAfterMs,
      ...(startedAt !== undefined && { startedAt }),
    };
    const session = new HubSession(transport, this.clock, this.options, hello, {
      established: (it) => this.established(it),
      finAcknowledged: (it) => this.fins.settled(it),
      openLink: (it, message) => this.openLink(it, message),
      rebindLink: (it, message) => this.rebindLink(it, message),
      moveLink: (it, message) => this.moveLink(it, message),
      connectionsGone: (_, message) => this.connectionsGone(message),
      migrationAnswered: (it, message) => this.commands.answered(it, message),
      ended: (it, code, reason) => this.sessionEnded(it, code, reason),
      fault: (_, error) => this.observer.fault?.(error),
    });
    this.sessions.add(session);
    return session;
  }

  /**
   * Takes this server out of routing: FIN on every service connection, again until its FINACK or its
   * end. Idempotent.
   * @param done called when all have answered or ended
   */
  setOffline(done: () => void): void {
    this.offline = true;
    this.fins.start(this.sessions, done);
  }

  /** Stops sending FIN; what waits for its answer goes on. */
  stopFin(): void {
    this.fins.stop();
  }

  /** Has the relays move the clients of these endpoints until the deadline. */
  drain(endpoints: readonly EndpointKey[], deadlineMs: number): void {
    const keys = endpoints.map(({ port, path }) => ({ port, path }));
    const before = this.drained?.endpoints ?? [];
    this.drained = { until: this.clock.now() + deadlineMs, endpoints: [...before, ...keys] };
    for (const session of this.sessions) if (session.open) this.sendDrain(session);
  }

  /** Connections of these endpoints. */
  connectionsOf(endpoints: readonly EndpointKey[]): HubLink[] {
    return [...this.connections].filter(({ endpoint }) =>
      endpoints.some(({ port, path }) => port === endpoint.port && path === endpoint.path),
    );
  }

  /** Calls the listener after each connection that leaves. @returns ends the subscription */
  onLeave(listener: (link: HubLink) => void): () => void {
    this.leaveListeners.add(listener);
    return () => this.leaveListeners.delete(listener);
  }

  /**
   * Asks for a migration of a connection at any hub server, takes the request back, or asks how far it
   * is.
   * @param done called once, at once or later
   */
  command(connectionId: string, command: MoveCommand, done: (answer: CommandAnswer) => void): void {
    const link = this.byId.get(connectionId);
    if (link?.settling && command.action !== 'state') {
      const { moveState: state, moveAttempt: attempt } = link;
      done({ result: 'tooLate', state, attempt, server: this.options.serverId });
      return;
    }
    // All channels are sessions that were given to the link.
    const session = link?.boundTo as HubSession | undefined;
    this.commands.ask(connectionId, command, session, done);
  }

  /** Ends all sessions; connections that are left are closed with 1006 on this side. */
  stop(): void {
    this.offline = this.stopped = true;
    this.fins.cancel();
    this.commands.stop();
    for (const session of Array.from(this.sessions)) {
      session.end(ServiceCloseCode.GoingAway, 'the hub server is stopping');
    }
    // A service connection may report its end later than this process has time for.
    for (const link of Array.from(this.byId.values()))
      link.gone(1006, 'the hub server is stopping');
    this.orphans.stop();
  }

  private established(session: HubSession) {
    if (this.offline) session.sendControl({ type: MessageType.Fin });
    this.sendDrain(session);
    this.reclaim(session, this.orphans.of(session.relayId));
    this.observer.sessionEstablished?.(session);
  }

  private sendDrain(session: HubSession) {
    if (!this.drained) return;
    const { until, endpoints } = this.drained;
    const deadlineMs = Math.max(0, Math.round(until - this.clock.now()));
    session.sendControl({ type: MessageType.Drain, deadlineMs, endpoints });
  }

  private sessionEnded(session: HubSession, code: number, reason: string) {
    this.sessions.delete(session);
    this.fins.settled(session);
    this.commands.lost(session);
    this.keepOrphans(session);
    this.observer.sessionEnded?.(session, code, reason);
  }

  moveChanged(link: HubLink, change: MoveChange): void {
    this.observer.migrationChanged?.(link, change);
  }

  linkDetached(link: HubLink, lost: LinkChannel): void {
    // All channels are sessions that were given to the link.
    this.orphans.add(link, (lost as HubSession).relayId);
  }

  linkEnded(link: HubLink, cause: LinkEndCause | undefined): void {
    this.connections.delete(link);
    if (this.offline && cause) this.left.count(cause);
    for (const listener of Array.from(this.leaveListeners)) listener(link);
  }

  linkForgotten(link: HubLink): void {
    this.orphans.delete(link);
    if (this.byId.get(link.connectionId) === link) this.byId.delete(link.connectionId);
  }

  private openLink(session: HubSession, message: OpenConnection) {
    // Its service connection is closing: the relay asks another server.
    if (this.stopped) return;
    const ack = this.application.ackMode(message);
    const { connectionId, migration } = message;
    const before = this.byId.get(connectionId);
    if (before && before.epoch >= message.epoch) {
      this.refuseStale(session, message);
      return;
    }
    // The relay opens it anew: what this server had of it before is over. Without a migration the
    // client was not let in before.
    const { serverId: server } = this.options;
    if (migration) before?.gone(1012, 'moved', { ...migration, server });
    else before?.gone(1006, '');
    this.application.open(message, (owner) => {
      const link = new HubLink(session, message.link, message, ack, this.options, this, owner);
      session.bind(message.link, link);
      this.connections.add(link);
      this.byId.set(connectionId, link);
      return link;
    });
  }

  /** It was on its way for so long that the relay has opened the connection anew meanwhile. */
  private refuseStale(session: HubSession, { link }: OpenConnection) {
    session.sendControl({
      type: MessageType.OpenConnectionResponse,
      link,
      accepted: false,
      status: 409,
      reason: 'an epoch of the past',
    });
  }

  private rebindLink(session: HubSession, message: RebindConnection) {
    const link = this.detachable(message);
    if (!link || link.released) {
      this.refuseRebind(session, message.link);
      return;
    }
    link.rebind(session, message);
    this.bound(link, session, message.link);
  }

  private moveLink(session: HubSession, message: MigrateConnectionAckElsewhere) {
    const link = this.detachable(message);
    const reroute = message.server === this.options.serverId;
    if (!link || (reroute && link.released)) {
      this.refuseRebind(session, message.link);
      return;
    }
    if (reroute) link.rebind(session, message);
    else link.releaseOn(session, message);
    this.bound(link, session, message.link);
  }

  /** The connection that a message binds anew, unless it is of a binding that is past. */
  private detachable({ connectionId, epoch }: { connectionId: string; epoch: number }) {
    const link = this.byId.get(connectionId);
    return link && link.epoch < epoch ? link : undefined;
  }

  private bound(link: HubLink, session: HubSession, number: number) {
    this.orphans.delete(link);
    session.bind(number, link);
  }

  private refuseRebind(session: HubSession, link: number) {
    session.sendControl({
      type: MessageType.RebindConnectionResponse,
      link,
      accepted: false,
      received: 0,
    });
  }

  private connectionsGone({ connections }: ConnectionsGone) {
    for (const { connectionId, epoch, server } of connections) {
      const link = this.byId.get(connectionId);
      if (!link?.detached || link.epoch !== epoch) continue;
      if (server) link.gone(1012, 'moved', { server, ...CRASH });
      else link.gone(1006, '');
    }
  }

  /** Has the relay bind the connections of a lost service connection to this one. */
  private reclaim(session: HubSession, links: readonly HubLink[]) {
    for (let i = 0; i < links.length; i += MAX_RECLAIMED) {
      session.sendControl({
        type: MessageType.ReclaimConnections,
        connections: links
          .slice(i, i + MAX_RECLAIMED)
          .map(({ connectionId, epoch }) => ({ connectionId, epoch })),
      });
    }
  }

  /** Connections whose service connection ended wait for another one, if one can come. */
  private keepOrphans({ relayId }: HubSession) {
    if (this.stopped) return;
    const other = [...this.sessions].find((it) => it.open && it.relayId === relayId);
    if (other) this.reclaim(other, this.orphans.of(relayId));
    const left = new Set([...this.sessions].map((it) => it.relayId));
    // Offline, no service connection is dialled any more; '' is one whose handshake is not complete.
    if (this.offline && !left.has('')) this.orphans.keepOnly(left);
  }
}
