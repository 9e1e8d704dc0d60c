import { ProtocolError, ServiceCloseCode } from './errors.js';
import type { AckMode } from './hub-inbound.js';
import type { HubLinkHost, HubLinkOwner, LinkEndCause } from './hub-link-owner.js';
import { HubMove } from './hub-move.js';
import type { Readiness } from './hub-move.js';
import { HubOutbound } from './hub-outbound.js';
import { MessageType } from './messages.js';
import type {
  CloseConnection,
  EndpointKey,
  LinkMessage,
  MigrateConnectionAck,
  MigrateConnectionAckElsewhere,
  MigrateConnectionRequest,
  MigrateConnectionResponse,
  MigrationInfo,
  MigrationState,
  OpenConnection,
  Payload,
  RebindConnection,
} from './messages.js';
import type { OutboundLimits } from './outbound-window.js';
import type { LinkChannel, LinkEnd } from './session.js';

export type { AckMode } from './hub-inbound.js';

type Phase = 'opening' | 'open' | 'rerouting' | 'released' | 'closed';

/**
 * The hub server's end of one client connection: its life from opening to the end, on one service
 * connection after the other; leaves at a safe point when the relay asks it to.
 *
 * To another server: open, with a {@link HubMove} under way; when that is migrating (READY), it is
 * paused; then released (moved) → closed, or just open again (rolled back). To another service
 * connection: open → rerouting (READY) → open.
 */
export class HubLink extends HubOutbound implements LinkEnd {
  readonly connectionId: string;
  readonly endpoint: EndpointKey;
  /** The epoch of the latest binding. */
  epoch: number;
  private readonly origin: MigrationInfo | undefined;
  private detachedNow = false;
  private phase: Phase = 'opening';
  /** The last one that was asked for, of either kind. */
  private attempt = 0;
  /** The connection lives on at another server, and did not leave on request. */
  private isElsewhere = false;

  constructor(
    channel: LinkChannel,
    number: number,
    open: OpenConnection,
    ack: AckMode,
    limits: OutboundLimits,
    private readonly host: HubLinkHost,
    owner: HubLinkOwner,
  ) {
    super(channel, number, open.inbound, ack, limits, owner);
    this.endpoint = { port: open.port, path: open.path };
    this.origin = open.migration;
    this.connectionId = open.connectionId;
    this.epoch = open.epoch;
  }

  /** Whether the relay asked this connection to move to another server and it has not left yet. */
  get leaving(): boolean {
    return this.phase === 'open' && this.move !== undefined && this.move.isUnderWay;
  }

  /**
   * Whether this server is ready to let the connection go. Until {@link HubLinkOwner.stays} no
   * message may be handed to the handlers: another server gets those that were received and not
   * handed to them.
   */
  get settling(): boolean {
    return this.phase === 'open' && this.move !== undefined && this.move.isSettling;
  }

  /**
   * How far the move to another hub server is. After the end `migrating` when the connection lives on
   * at another server, else what it was.
   */
  get moveState(): MigrationState {
    return this.isElsewhere ? 'migrating' : (this.move?.state ?? 'none');
  }

  /** The attempt that {@link moveState} speaks of. */
  get moveAttempt(): number {
    return this.move?.attempt ?? 0;
  }

  /** Whether the connection is another server's, and the relay may miss what was sent last. */
  get released(): boolean {
    return this.phase === 'released';
  }

  /** Its service connection, unless it is detached. */
  get boundTo(): LinkChannel | undefined {
    return this.detachedNow ? undefined : this.channel;
  }

  /** Whether the link has lost its service connection and waits for another one. */
  get detached(): boolean {
    return this.detachedNow;
  }

  /** Answers OpenConnection; what the application sent meanwhile follows. */
  accept(protocol: string): void {
    if (this.phase !== 'opening') return;
    this.phase = 'open';
    this.say({ type: MessageType.OpenConnectionResponse, accepted: true, protocol });
    this.resume();
  }

  /** Answers OpenConnection with a refusal; the link is over. */
  refuse(status: number, reason: string, headers: string[] = []): void {
    if (this.phase !== 'opening') return;
    const answer = { accepted: false, status, reason, headers };
    this.say({ type: MessageType.OpenConnectionResponse, ...answer });
    this.finish(undefined, new Error(CLOSED_BEFORE_TAKEN));
  }

  onData(data: Payload, binary: boolean): void {
    if (this.phase !== 'open' || (this.settling && !this.move!.flows)) this.outOfOrder('data');
    this.inbound.received++;
    this.owner.deliver(data, binary);
  }

  onMessage(message: LinkMessage): void {
    switch (message.type) {
      case MessageType.CloseConnection:
        this.onClose(message);
        return;
      case MessageType.SkipMessages:
        this.inbound.skip(message.count);
        return;
      case MessageType.ClientPong:
        this.onPong(message.data);
        return;
      case MessageType.MigrateConnectionRequest:
        this.onMigrateRequest(message);
        return;
      case MessageType.MigrateConnectionAck:
        this.onMigrateAck(message);
        return;
    }
  }

  onLost(_code: number, reason: string): void {
    if (this.phase === 'closed' || this.detachedNow) return;
    if (this.phase === 'opening') {
      this.end(1006, reason, this.origin && { ...this.origin, reason: 'rolledBack' });
      return;
    }
    this.detachedNow = true;
    this.host.linkDetached(this, this.channel);
  }

  /** Goes on with another service connection of the same relay. */
  rebind(channel: LinkChannel, message: RebindConnection | MigrateConnectionAckElsewhere): void {
    const { sent } = this.outbound;
    this.bindTo(channel, message);
    this.repeat(sent);
    const stays = this.leaving;
    this.phase = 'open';
    if (stays) this.move!.stays('rebound');
    this.resume();
  }

  /** Says the last word again on this service connection: the one before was lost. */
  releaseOn(channel: LinkChannel, message: MigrateConnectionAckElsewhere): void {
    if (!this.released && !this.paused) this.outOfOrder('committed elsewhere');
    this.bindTo(channel, message);
    this.release(message);
  }

  /** The connection is not this server's any more, and no service connection says so. */
  gone(code: number, reason: string, migration?: MigrationInfo): void {
    this.end(code, reason, migration);
  }

  private onClose(message: CloseConnection) {
    if (!message.migration) this.say({ type: MessageType.ConnectionClosed });
    this.end(message.code, message.reason, message.migration);
  }

  /** One that is repeated is answered once; until the connection is ready it can be changed. */
  private onMigrateRequest({ attempt, kind, reason, deadlineMs, to }: MigrateConnectionRequest) {
    if (this.phase === 'opening') this.outOfOrder('MigrateConnectionRequest');
    const changes = attempt === this.attempt && kind === 'migrate' && this.requested;
    if ((attempt <= this.attempt && !changes) || this.over) return;
    if (this.settling || this.phase === 'rerouting') {
      this.answer(attempt, { ready: false, reason: 'another attempt is under way' });
      return;
    }
    this.attempt = attempt;
    if (kind === 'reroute') {
      if (this.requested) this.move!.stays('rerouted');
      this.phase = 'rerouting';
      this.answer(attempt, { ready: true });
    } else {
      this.move ??= this.newMove();
      this.move.request({ attempt, reason, deadlineMs, ...(to && { to }) });
      this.leaveAtSafePoint();
    }
  }

  private newMove(): HubMove {
    return new HubMove(this.owner, {
      isPresent: () => this.phase === 'open' && !this.detachedNow,
      isClosing: () => this.closing !== undefined,
      isIdle: () => this.idle,
      tell: (progress) => this.say({ type: MessageType.MigrateConnectionProgress, ...progress }),
      leave: (readiness) => this.leave(readiness),
      refuse: (reason) => this.answer(this.attempt, { ready: false, reason }),
      changed: (change) => this.host.moveChanged(this, change),
    });
  }

  protected leaveAtSafePoint(): void {
    this.move!.leaveAtSafePoint();
  }

  private leave({ context, to }: Readiness) {
    this.outbound.transmitAll();
    this.sendCheckpoints();
    this.writeDueAck();
    this.answer(this.attempt, { ready: true, ...(context && { context }), ...(to && { to }) });
  }

  private answer(
    attempt: number,
    answer: Pick<MigrateConnectionResponse, 'ready' | 'reason' | 'context' | 'to'>,
  ) {
    const { complete: handled, received } = this.inbound;
    const { sent } = this.outbound;
    const type = MessageType.MigrateConnectionResponse;
    this.say({ type, attempt, ...answer, handled, received, sent });
  }

  private onMigrateAck(message: MigrateConnectionAck) {
    if (message.attempt !== this.attempt) return;
    if (!this.leaving && this.phase !== 'rerouting') return;
    if (message.outcome === 'rolledBack') this.stay(message);
    else if (this.paused) this.release(message);
    else this.outOfOrder('committed');
  }

  private stay({ reason, detail, epoch }: MigrateConnectionAck) {
    const { leaving } = this;
    // Above that of a target that was asked: what it did to the context is past.
    this.epoch = Math.max(this.epoch, epoch);
    this.phase = 'open';
    if (leaving) this.move!.stays(reason, detail);
    this.resume();
  }

  /** The connection is another server's: everything that was sent here goes before what that sends. */
  private release({ server, reason, attempt }: MigrateConnectionAck) {
    const first = this.phase !== 'released';
    // First of all: what the application sends from now on must fail, since nobody would take it.
    this.phase = 'released';
    this.forgetContext();
    this.outbound.transmitAll();
    this.say({
      type: MessageType.ConnectionReleased,
      attempt,
      sent: this.outbound.sent,
      ...(this.closing && { close: this.closing }),
    });
    if (!first) return;
    const migration = { server, reason, attempt };
    this.host.linkEnded(this, { code: 1012, reason, migration });
    this.owner.closed(1012, reason, migration);
  }

  /** Whether the connection is not this server's any more. */
  protected get over(): boolean {
    return this.phase === 'closed' || this.phase === 'released';
  }

  /** Whether the relay asked it to move, and it goes on as before. */
  private get requested(): boolean {
    return this.phase === 'open' && this.move?.state === 'requested';
  }

  /** Whether READY to move was said. */
  private get paused(): boolean {
    return this.phase === 'open' && this.move?.state === 'migrating';
  }

  /** Whether what the application sends leaves at once. */
  protected get flowing(): boolean {
    return (
      this.phase === 'open' &&
      !this.detachedNow &&
      (this.move === undefined || this.move.state !== 'migrating')
    );
  }

  private bindTo(
    channel: LinkChannel,
    { link, epoch, received }: Pick<RebindConnection, 'link' | 'epoch' | 'received'>,
  ) {
    this.outbound.rebind(channel, link, received);
    if (!this.detachedNow) this.channel.release(this.number);
    this.channel = channel;
    this.number = link;
    this.epoch = epoch;
    this.detachedNow = false;
    const { received: got } = this.inbound;
    this.say({ type: MessageType.RebindConnectionResponse, accepted: true, received: got });
  }

  private end(code: number, reason: string, migration: MigrationInfo | undefined) {
    if (this.phase === 'closed') return;
    if (this.phase === 'released') {
      this.forget(undefined);
      return;
    }
    this.isElsewhere = migration !== undefined;
    this.finish({ code, reason, migration }, new Error(CLOSED_BEFORE_TAKEN));
    this.owner.closed(code, reason, migration);
  }

  /** @param error for the messages that no client has taken */
  private finish(cause: LinkEndCause | undefined, error: Error) {
    this.forget(error);
    this.host.linkEnded(this, cause);
  }

  /** @param error what happens to the messages that no client has taken; undefined: handed over */
  private forget(error: Error | undefined) {
    // First of all: what the callbacks send now must fail, since nobody would take it.
    this.phase = 'closed';
    this.forgetContext();
    this.channel.release(this.number);
    this.outbound.clear(error);
    this.host.linkForgotten(this);
  }

  private outOfOrder(what: string): never {
    throw new ProtocolError(
      ServiceCloseCode.OutOfOrder,
      `${what} on link ${this.number} while it is ${this.leaving ? this.moveState : this.phase}`,
    );
  }
}

const CLOSED_BEFORE_TAKEN = 'The connection was closed before the client took the message';
