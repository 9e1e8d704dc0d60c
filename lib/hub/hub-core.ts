import type { Clock, Timer } from '../protocol/clock.js';
import { ServiceCloseCode } from '../protocol/errors.js';
import { HubLink } from '../protocol/hub-link.js';
import type { AckMode, HubLinkHost, HubLinkOwner, LinkEndCause } from '../protocol/hub-link.js';
import { HubSession } from '../protocol/hub-session.js';
import { MessageType } from '../protocol/messages.js';
import type { Endpoint, EndpointKey, OpenConnection } from '../protocol/messages.js';
import type { OutboundLimits } from '../protocol/outbound-window.js';
import type { SessionTimes } from '../protocol/session.js';
import type { Transport } from '../protocol/transport.js';

export interface HubCoreOptions extends SessionTimes, OutboundLimits {
  serverId: string;
  serverName: string;
  version: string;
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
}

/** Clients can send any close code and reason: this many different ones are counted by name. */
const MAX_NAMES = 64;

/** How connections left this server since it was set offline. */
export interface LeaveCounts {
  /** Connections that live on at another server. */
  migrated: number;
  /** Connections that ended: by reason when closed with 1012, else by close code. */
  closed: Record<string, number>;
}

/**
 * The hub server without its sockets: sessions with relays, links, and the protocol's part of a
 * shutdown. Does no I/O.
 */
export class HubCore implements HubLinkHost {
  readonly sessions = new Set<HubSession>();
  readonly connections = new Set<HubLink>();
  /** Connections that left, by how. */
  readonly left: LeaveCounts = {
    migrated: 0,
    // Names come from clients: "constructor" is one like any other.
    closed: Object.create(null) as Record<string, number>,
  };
  private offline = false;
  private readonly unacknowledged = new Set<HubSession>();
  private finTimer: Timer;
  private onOffline: (() => void)[] = [];
  private readonly leaveListeners = new Set<(link: HubLink) => void>();

  constructor(
    readonly options: HubCoreOptions,
    private readonly application: HubApplication,
    readonly clock: Clock,
    private readonly observer: HubObserver = {},
  ) {}

  /** Begins a session on a service connection to a relay. */
  attach(transport: Transport): HubSession {
    const { serverId, serverName, version, keepAliveMs, deadAfterMs } = this.options;
    const hello = {
      serverId,
      serverName,
      appVersion: version,
      endpoints: [...this.application.endpoints],
      keepAliveMs,
      deadAfterMs,
    };
    const session = new HubSession(transport, this.clock, this.options, hello, {
      established: (it) => this.established(it),
      finAcknowledged: (it) => this.finAcknowledged(it),
      openLink: (it, message) => this.openLink(it, message),
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
    this.onOffline.push(done);
    if (!this.offline) {
      this.offline = true;
      for (const session of this.sessions) this.unacknowledged.add(session);
      this.sendFins();
    }
    this.checkOffline();
  }

  /** Stops sending FIN; what waits for its answer goes on. */
  stopFin(): void {
    this.unacknowledged.clear();
    this.checkOffline();
  }

  /** Has the relays move the clients of these endpoints until the deadline. */
  drain(endpoints: readonly EndpointKey[], deadlineMs: number): void {
    const keys = endpoints.map(({ port, path }) => ({ port, path }));
    for (const session of this.sessions) {
      if (session.open)
        session.sendControl({ type: MessageType.Drain, deadlineMs, endpoints: keys });
    }
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

  /** Ends all sessions; connections that are left are closed with 1006 on this side. */
  stop(): void {
    this.offline = true;
    this.clock.clearTimer(this.finTimer);
    for (const session of Array.from(this.sessions)) {
      session.end(ServiceCloseCode.GoingAway, 'the hub server is stopping');
    }
    // A service connection may report its end later than this process has time for.
    for (const link of Array.from(this.connections))
      link.onLost(1006, 'the hub server is stopping');
  }

  private established(session: HubSession) {
    if (this.offline) session.sendControl({ type: MessageType.Fin });
    this.observer.sessionEstablished?.(session);
  }

  private finAcknowledged(session: HubSession) {
    this.unacknowledged.delete(session);
    this.checkOffline();
  }

  private sendFins() {
    if (this.unacknowledged.size === 0) return;
    for (const session of this.unacknowledged) {
      if (session.open) session.sendControl({ type: MessageType.Fin });
    }
    this.finTimer = this.clock.setTimer(() => this.sendFins(), this.options.finIntervalMs);
  }

  private checkOffline() {
    if (this.unacknowledged.size > 0) return;
    this.clock.clearTimer(this.finTimer);
    for (const done of this.onOffline.splice(0)) done();
  }

  private sessionEnded(session: HubSession, code: number, reason: string) {
    this.sessions.delete(session);
    this.unacknowledged.delete(session);
    if (this.offline) this.checkOffline();
    this.observer.sessionEnded?.(session, code, reason);
  }

  linkEnded(link: HubLink, cause: LinkEndCause | undefined): void {
    this.connections.delete(link);
    if (this.offline && cause) this.countLeft(cause);
    for (const listener of Array.from(this.leaveListeners)) listener(link);
  }

  private openLink(session: HubSession, message: OpenConnection) {
    const ack = this.application.ackMode(message);
    this.application.open(message, (owner) => {
      const link = new HubLink(session, message.link, message, ack, this.options, this, owner);
      session.bind(message.link, link);
      this.connections.add(link);
      return link;
    });
  }

  private countLeft({ code, reason, migration }: LinkEndCause) {
    if (migration) {
      this.left.migrated++;
      return;
    }
    const named = code === 1012 && reason.length > 0 && reason.length <= 32;
    const name = named ? reason : String(code);
    const { closed } = this.left;
    if (name in closed || Object.keys(closed).length < MAX_NAMES) {
      closed[name] = (closed[name] ?? 0) + 1;
    }
  }
}
