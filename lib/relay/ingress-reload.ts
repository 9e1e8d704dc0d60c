import type { Clock, Timer } from '../protocol/clock.js';
import type { RelaySession } from '../protocol/relay-session.js';
import type { ClientConnection } from './client-connection.js';
import type { IngressReloadReport, IngressReloadState } from './ingress-reload-report.js';
import { PACE_MS, Pacer, USABLE } from './pacer.js';
import { count } from './relay-stats.js';

/** Time after which a link whose reroute failed is tried again, in milliseconds. */
const RETRY_MS = 200;

/** What a reload needs from its relay. */
export interface IngressReloadHost {
  readonly clock: Clock;
  readonly options: { migrationsPerSecond: number; stepMs: number };
  readonly sessions: Iterable<RelaySession>;
  readonly clients: Iterable<ClientConnection>;
  /** Whether another service connection of the server can take links. */
  hasRoute(serverId: string): boolean;
}

/**
 * Clears an ingress instance that is about to be reloaded: links leave the service connections
 * through it, and clients that came through it are asked to leave, spread over the time there is.
 */
export class IngressReload {
  private state: IngressReloadState = 'running';
  private final: IngressReloadReport | undefined;
  private readonly startedAt: number;
  private readonly affected = new Set<RelaySession>();
  /** Connections seen on the affected service connections. */
  private readonly links = new Set<ClientConnection>();
  private readonly failed: Record<string, number> = {};
  private readonly resting = new Map<ClientConnection, number>();
  private readonly toLeave: ClientConnection[];
  /** How many of them have had their turn. */
  private turns = 0;
  /** Those who had it and could not be asked, since their upgrade was pending. */
  private readonly unasked = new Set<ClientConnection>();
  private readonly pacer: Pacer;
  private readonly listeners = new Set<() => void>();
  private timer: Timer;

  /** @param shuffle puts the clients into a random order */
  constructor(
    private readonly host: IngressReloadHost,
    readonly ingress: string,
    private readonly limitMs: number,
    shuffle: <T>(list: T[]) => T[],
  ) {
    this.startedAt = host.clock.now();
    this.pacer = new Pacer(host.options.migrationsPerSecond);
    this.toLeave = shuffle([...host.clients].filter((it) => it.ingress === ingress));
    for (const session of host.sessions) this.avoid(session);
    this.collect();
    this.pump();
  }

  /** Whether the reload is under way. */
  get active(): boolean {
    return this.state === 'running' || this.state === 'waiting';
  }

  report(): IngressReloadReport {
    return this.final ?? this.describe();
  }

  /** A service connection is established: it may be the way out, or have to be avoided too. */
  joined(session: RelaySession): void {
    if (!this.active) return;
    this.avoid(session);
    this.pump();
  }

  /** Links may use the service connections again. */
  cancel(): void {
    for (const session of this.host.sessions) {
      if (session.ingress === this.ingress) session.avoided = false;
    }
    if (this.active) this.end('cancelled');
  }

  whenOver(listener: () => void): () => void {
    if (!this.active) {
      listener();
      return () => undefined;
    }
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** A reroute failed; the link is tried again. */
  rerouteFailed(connection: ClientConnection, reason: string): void {
    if (!this.active || !this.links.has(connection)) return;
    count(this.failed, reason);
    this.resting.set(connection, this.host.clock.now() + RETRY_MS);
  }

  private avoid(session: RelaySession) {
    if (session.ingress !== this.ingress || !session.open) return;
    session.avoided = true;
    this.affected.add(session);
  }

  private pump() {
    const { clock } = this.host;
    clock.clearTimer(this.timer);
    this.askToLeave();
    this.rerouteSome();
    if (this.isClear()) this.end('ready');
    else if (this.leftMs() === 0) this.end('expired');
    else this.timer = clock.setTimer(() => this.pump(), Math.min(PACE_MS, this.leftMs()));
  }

  private rerouteSome() {
    if (this.linksLeft() === 0) return;
    const now = this.host.clock.now();
    let candidates = this.candidates(now);
    if (candidates.length === 0) {
      this.collect();
      candidates = this.candidates(now);
    }
    const ways = new Map<string, boolean>();
    const movable = candidates.filter(({ serverId = '' }) => {
      if (!ways.has(serverId)) ways.set(serverId, this.host.hasRoute(serverId));
      return ways.get(serverId);
    });
    this.state = candidates.length > 0 && movable.length === 0 ? 'waiting' : 'running';
    this.pacer.refill(movable.length, this.leftMs());
    const limitMs = Math.min(this.host.options.stepMs, Math.max(1, this.leftMs()));
    for (const connection of movable) {
      if (!this.pacer.allows) return;
      if (connection.reroute({ reason: 'ingressReload', limitMs })) this.pacer.spend();
    }
  }

  private candidates(now: number): ClientConnection[] {
    return [...this.links].filter((connection) => {
      if (!this.isAffected(connection) || connection.moving) return false;
      const until = this.resting.get(connection);
      if (until !== undefined && until <= now) this.resting.delete(connection);
      return until === undefined || until <= now;
    });
  }

  /** Clients may have come to an affected service connection since. */
  private collect() {
    for (const connection of this.host.clients) {
      if (this.isAffected(connection)) this.links.add(connection);
    }
  }

  private askToLeave() {
    const { toLeave } = this;
    const spread = Math.max(1, this.limitMs * USABLE);
    const due = Math.ceil((toLeave.length * this.elapsedMs()) / spread);
    for (; this.turns < Math.min(due, toLeave.length); this.turns++) {
      this.unasked.add(toLeave[this.turns]!);
    }
    for (const client of this.unasked) {
      if (isPending(client)) continue;
      this.unasked.delete(client);
      client.askToLeave(1012, 'ingressReload');
    }
  }

  private isAffected({ session }: ClientConnection): boolean {
    return this.affected.has(session as RelaySession);
  }

  /** One that nothing carries is held until there is a hub server for it. */
  private hasArrived(connection: ClientConnection): boolean {
    const isCarried = connection.session !== undefined;
    return isCarried && !this.isAffected(connection) && !connection.moving;
  }

  /** Whether nothing uses the ingress any more, and what left it has arrived. */
  private isClear(): boolean {
    return this.linksLeft() + this.linksBetween() + this.clientsLeft() === 0;
  }

  private linksLeft(): number {
    let left = 0;
    for (const session of this.affected) if (session.open) left += session.linkCount;
    return left;
  }

  /** Links that have left the ingress, have a way to go, and have not arrived. */
  private linksBetween(): number {
    let between = 0;
    for (const connection of this.links) {
      const { rerouting, serverId = '' } = connection;
      if (rerouting && !this.isAffected(connection) && this.host.hasRoute(serverId)) between++;
    }
    return between;
  }

  private clientsLeft(): number {
    return this.toLeave.reduce((left, { over }) => (over ? left : left + 1), 0);
  }

  private elapsedMs(): number {
    return this.host.clock.now() - this.startedAt;
  }

  private leftMs(): number {
    return Math.max(0, this.limitMs - this.elapsedMs());
  }

  private describe(): IngressReloadReport {
    const remaining = this.linksLeft() + this.linksBetween();
    let ended = 0;
    let moved = 0;
    for (const connection of this.links) {
      if (connection.over) ended++;
      else if (this.hasArrived(connection)) moved++;
    }
    const clients = this.clientsLeft();
    return {
      ingress: this.ingress,
      state: this.state,
      elapsedMs: Math.round(this.elapsedMs()),
      remainingMs: this.active ? Math.round(this.leftMs()) : 0,
      links: { moved, ended, failed: { ...this.failed }, remaining },
      clients: { left: this.toLeave.length - clients, remaining: clients },
    };
  }

  private end(state: IngressReloadState) {
    this.host.clock.clearTimer(this.timer);
    this.state = state;
    this.final = this.describe();
    // What is remembered of it holds no connection.
    this.affected.clear();
    this.links.clear();
    this.resting.clear();
    this.toLeave.length = 0;
    this.unasked.clear();
    for (const listener of Array.from(this.listeners)) listener();
    this.listeners.clear();
  }
}

/** Whether the client's upgrade is not answered yet. */
function isPending({ over, currentLink }: ClientConnection): boolean {
  return !over && (currentLink?.phase ?? 'opening') === 'opening';
}
