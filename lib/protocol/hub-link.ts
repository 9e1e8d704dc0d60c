import { ProtocolError, ServiceCloseCode } from './errors.js';
import type { HubLinkHost, HubLinkOwner, LinkEndCause } from './hub-link-owner.js';
import { InboundProgress } from './inbound-progress.js';
import { MessageType } from './messages.js';
import type {
  CloseConnection,
  EndpointKey,
  LinkMessage,
  MigrateConnectionAck,
  MigrateConnectionAckElsewhere,
  MigrateConnectionRequest,
  MigrationInfo,
  MigrationState,
  OpenConnection,
  Payload,
  RebindConnection,
} from './messages.js';
import { OutboundWindow } from './outbound-window.js';
import type { OutboundLimits } from './outbound-window.js';
import { payloadBytes } from './retention.js';
import type { AckSource, LinkChannel, LinkEnd } from './session.js';
import { UnansweredPings } from './unanswered-pings.js';

/** When an inbound message counts as acknowledged: handed to the handlers, or handled by all of them. */
export type AckMode = 'received' | 'handled';

type State = 'opening' | 'open' | 'requested' | 'paused' | 'rerouting' | 'released' | 'closed';

/**
 * The hub server's end of one client connection: counts, acknowledges, retains, and leaves at a safe
 * point when the relay asks it to.
 *
 * To another server: open → requested → paused (READY) → released (moved) → closed, or open again
 * (rolled back). To another service connection: open → rerouting (READY) → open.
 */
export class HubLink implements LinkEnd, AckSource {
  readonly connectionId: string;
  readonly endpoint: EndpointKey;
  /** The epoch of the latest binding. */
  epoch: number;
  private readonly origin: MigrationInfo | undefined;
  private detachedNow = false;
  private state: State = 'opening';
  private readonly outbound: OutboundWindow;
  private readonly inbound: InboundProgress;
  private pings: UnansweredPings | undefined;
  private ackScheduled = false;
  private attempt = 0;
  private move: MigrationState = 'none';
  private holds = 0;
  private closing: { code: number; reason: string } | undefined;
  private closeSent = false;

  constructor(
    private channel: LinkChannel,
    private number: number,
    open: OpenConnection,
    private readonly ack: AckMode,
    limits: OutboundLimits,
    private readonly host: HubLinkHost,
    private readonly owner: HubLinkOwner,
  ) {
    this.endpoint = { port: open.port, path: open.path };
    this.origin = open.migration;
    this.connectionId = open.connectionId;
    this.epoch = open.epoch;
    this.inbound = new InboundProgress(open.inbound);
    this.outbound = new OutboundWindow(channel, number, limits);
  }

  /** Bytes that the client's socket has not taken yet. */
  get bufferedBytes(): number {
    return this.outbound.bytes;
  }

  /** Whether the relay asked this connection to move to another server and it has not left yet. */
  get leaving(): boolean {
    return this.state === 'requested' || this.state === 'paused';
  }

  /** Whether the connection is another server's, and the relay may miss what was sent last. */
  get released(): boolean {
    return this.state === 'released';
  }

  /**
   * Whether this server is ready to let the connection go. Until {@link HubLinkOwner.stays} no
   * message may be handed to the handlers: another server gets those that were received and not
   * handed to them.
   */
  get settling(): boolean {
    return this.state === 'paused';
  }

  /** Whether no handler is at work on a message. */
  get idle(): boolean {
    return this.inbound.idle;
  }

  /** How far the move to another hub server is; after the end, `migrating` when it has moved. */
  get moveState(): MigrationState {
    return this.move;
  }

  /** Whether the link has lost its service connection and waits for another one. */
  get detached(): boolean {
    return this.detachedNow;
  }

  /** Answers OpenConnection; what the application sent meanwhile follows. */
  accept(protocol: string): void {
    if (this.state !== 'opening') return;
    this.state = 'open';
    this.channel.sendControl({
      type: MessageType.OpenConnectionResponse,
      link: this.number,
      accepted: true,
      protocol,
    });
    this.resume();
  }

  /** Answers OpenConnection with a refusal; the link is over. */
  refuse(status: number, reason: string, headers: string[] = []): void {
    if (this.state !== 'opening') return;
    this.channel.sendControl({
      type: MessageType.OpenConnectionResponse,
      link: this.number,
      accepted: false,
      status,
      reason,
      headers,
    });
    this.finish(undefined, new Error(CLOSED_BEFORE_TAKEN));
  }

  /**
   * Sends a message to the client.
   * @param done called once the client's socket has taken it, or with an error when it never will
   * @param bytes of the payload
   */
  send(
    data: Payload,
    binary: boolean,
    done?: (error?: Error) => void,
    bytes = payloadBytes(data),
  ): void {
    if (this.over || this.closing) {
      done?.(new Error('The connection is closed'));
      return;
    }
    this.outbound.push(data, binary, bytes, done);
    if (this.flowing) this.transmit();
  }

  ping(data: Uint8Array): void {
    (this.pings ??= new UnansweredPings()).sent(data);
    if (this.flowing) this.sendPing(data);
  }

  pong(data: Uint8Array): void {
    if (this.flowing) {
      this.channel.sendControl({ type: MessageType.ClientPong, link: this.number, data });
    }
  }

  /**
   * Closes the client's connection once it got everything sent before.
   * @param code 1006 cuts it without a closing handshake
   */
  close(code: number, reason: string): void {
    if (this.over || this.closing) return;
    this.closing = { code, reason };
    if (this.flowing) this.transmit();
  }

  /** Closes the client's connection now; what it was not sent yet is dropped. */
  abort(code: number, reason: string): void {
    if (this.over) return;
    this.closing = { code, reason };
    this.closeSent = false;
    this.outbound.dropWaiting(new Error('The connection was cut'));
    if (this.flowing) this.transmit();
  }

  /**
   * A message goes to the handlers.
   * @returns its number, for {@link dispatched} and {@link handled}
   */
  delivered(): number {
    return this.inbound.handOver();
  }

  /**
   * The handlers have got the message with this number: with the acknowledgement `received` it is
   * acknowledged. To be called once, for a message that can be suspended when it cannot any more.
   */
  dispatched(number: number): void {
    if (this.ack === 'received') this.complete(number);
  }

  /** All handlers of the message with this number have completed. */
  handled(number: number): void {
    this.inbound.handled();
    if (this.owner.holdsAcks) this.owner.messageHandled(number);
    else if (this.ack === 'handled') this.complete(number);
    if (this.state === 'requested') this.leaveAtSafePoint();
  }

  /** With {@link HubLinkOwner.holdsAcks}: a checkpoint has the effects of a handled message. */
  acknowledge(number: number): void {
    if (this.ack === 'handled') this.complete(number);
  }

  /**
   * The handler of a message stopped before its end: it is not at work any more, and the next server
   * gets the message again, or this one has it {@link resumed}.
   */
  suspended(_number: number): void {
    this.inbound.handled();
    if (this.state === 'requested') this.leaveAtSafePoint();
  }

  /**
   * After {@link HubLinkOwner.stays}: a suspended message is at work again at this server, until it
   * is {@link handled} or {@link suspended}.
   */
  resumed(): void {
    this.inbound.resumed();
  }

  /**
   * What another server needs to go on with the connection; replaces what was said before. It reaches
   * the relay before the acknowledgements that are given from now on.
   * @param context is kept as it is, not copied
   */
  checkpoint(context: Uint8Array | undefined, migratable: boolean): void {
    this.channel.sendControl({
      type: MessageType.Checkpoint,
      link: this.number,
      ...(context && { context }),
      ...(!migratable && { migratable }),
    });
  }

  /** Keeps the connection from leaving, until {@link unhold}. Counted; too late while settling. */
  hold(): void {
    this.holds++;
  }

  unhold(): void {
    this.holds--;
    if (this.state === 'requested') this.leaveAtSafePoint();
  }

  /** {@link HubLinkOwner.waitsFor} or {@link HubLinkOwner.wantsFlow} has another value. */
  progressChanged(): void {}

  onData(data: Payload, binary: boolean): void {
    if (this.state !== 'open' && this.state !== 'requested') this.outOfOrder('data');
    this.inbound.received++;
    this.owner.deliver(data, binary);
  }

  onAck(count: number, ranges: readonly number[]): void {
    this.outbound.acknowledge(count, ranges);
    if (this.flowing) this.transmit();
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
        this.pings?.answered(message.data);
        this.owner.pongReceived(message.data);
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
    if (this.state === 'closed' || this.detachedNow) return;
    if (this.state === 'opening') {
      this.end(1006, reason, this.origin && { ...this.origin, reason: 'rolledBack' });
      return;
    }
    this.detachedNow = true;
    this.host.linkDetached(this, this.channel);
  }

  /** Goes on with another service connection of the same relay. */
  rebind(channel: LinkChannel, message: RebindConnection | MigrateConnectionAckElsewhere): void {
    this.bindTo(channel, message);
    channel.sendAck(this.number, this.inbound.complete, this.inbound.ranges);
    this.closeSent = false;
    const stays = this.leaving;
    this.state = 'open';
    if (stays) this.owner.stays('rebound');
    this.resume();
  }

  /** Says the last word again on this service connection: the one before was lost. */
  releaseOn(channel: LinkChannel, message: MigrateConnectionAckElsewhere): void {
    if (this.state !== 'paused' && this.state !== 'released') {
      this.outOfOrder('committed elsewhere');
    }
    this.bindTo(channel, message);
    this.release(message);
  }

  /** The connection is not this server's any more, and no service connection says so. */
  gone(code: number, reason: string, migration?: MigrationInfo): void {
    this.end(code, reason, migration);
  }

  writeAck(): void {
    this.ackScheduled = false;
    if (this.over || this.state === 'rerouting' || this.detachedNow) return;
    this.channel.sendAck(this.number, this.inbound.complete, this.inbound.takeFresh());
  }

  private onClose(message: CloseConnection) {
    if (!message.migration) {
      this.channel.sendControl({ type: MessageType.ConnectionClosed, link: this.number });
    }
    this.end(message.code, message.reason, message.migration);
  }

  /** One that is repeated is answered once. */
  private onMigrateRequest({ attempt, kind }: MigrateConnectionRequest) {
    if (this.state === 'opening') this.outOfOrder('MigrateConnectionRequest');
    if (attempt <= this.attempt || this.state === 'released') return;
    if (this.state === 'paused' || this.state === 'rerouting') {
      this.answer(attempt, 'another attempt is under way');
      return;
    }
    this.attempt = attempt;
    if (kind === 'reroute') {
      this.state = 'rerouting';
      this.answer(attempt);
    } else {
      this.state = 'requested';
      this.leaveAtSafePoint();
    }
  }

  private leaveAtSafePoint() {
    if (!this.inbound.idle || this.closing || this.holds > 0) return;
    this.outbound.transmitAll();
    this.state = 'paused';
    this.answer(this.attempt);
  }

  private answer(attempt: number, refusal?: string) {
    this.channel.sendControl({
      type: MessageType.MigrateConnectionResponse,
      link: this.number,
      attempt,
      ready: refusal === undefined,
      ...(refusal !== undefined && { reason: refusal }),
      handled: this.inbound.complete,
      received: this.inbound.received,
      sent: this.outbound.sent,
    });
  }

  private onMigrateAck(message: MigrateConnectionAck) {
    if (message.attempt !== this.attempt) return;
    if (!this.leaving && this.state !== 'rerouting') return;
    if (message.outcome === 'rolledBack') this.stay(message.reason);
    else if (this.state === 'paused') this.release(message);
    else this.outOfOrder('committed');
  }

  private stay(reason: string) {
    const { leaving } = this;
    this.state = 'open';
    if (leaving) this.owner.stays(reason);
    else this.scheduleAck();
    this.resume();
  }

  /** The connection is another server's: everything that was sent here goes before what that sends. */
  private release({ server, reason, attempt }: MigrateConnectionAck) {
    const first = this.state !== 'released';
    // First of all: what the application sends from now on must fail, since nobody would take it.
    this.state = 'released';
    this.outbound.transmitAll();
    this.channel.sendControl({
      type: MessageType.ConnectionReleased,
      link: this.number,
      attempt,
      sent: this.outbound.sent,
      ...(this.closing && { close: this.closing }),
    });
    if (!first) return;
    const migration = { server, reason, attempt };
    this.host.linkEnded(this, { code: 1012, reason, migration });
    this.owner.closed(1012, reason, migration);
  }

  private complete(number: number) {
    this.inbound.markComplete(number);
    this.scheduleAck();
  }

  private scheduleAck() {
    if (this.ackScheduled || this.over) return;
    this.ackScheduled = true;
    this.channel.scheduleAck(this);
  }

  /** Whether the connection is not this server's any more. */
  private get over(): boolean {
    return this.state === 'closed' || this.state === 'released';
  }

  /** Whether what the application sends leaves at once. */
  private get flowing(): boolean {
    return (this.state === 'open' || this.state === 'requested') && !this.detachedNow;
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
    this.detachedNow = this.ackScheduled = false;
    channel.sendControl({
      type: MessageType.RebindConnectionResponse,
      link,
      accepted: true,
      received: this.inbound.received,
    });
  }

  /** What waited while nothing could be sent, or may have got lost, is sent. */
  private resume() {
    this.transmit();
    if (this.pings && this.flowing) for (const ping of this.pings.list) this.sendPing(ping);
  }

  private sendPing(data: Uint8Array) {
    this.channel.sendControl({ type: MessageType.ClientPing, link: this.number, data });
  }

  private transmit() {
    this.outbound.transmit();
    if (this.closing && this.outbound.drained) this.sendClose();
  }

  private sendClose() {
    if (this.closeSent) return;
    this.closeSent = true;
    const { code, reason } = this.closing!;
    this.channel.sendControl({
      type: MessageType.CloseConnection,
      link: this.number,
      code,
      reason,
    });
  }

  private end(code: number, reason: string, migration: MigrationInfo | undefined) {
    if (this.state === 'closed') return;
    if (this.state === 'released') {
      this.forget(undefined);
      return;
    }
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
    this.state = 'closed';
    this.channel.release(this.number);
    this.outbound.clear(error);
    this.host.linkForgotten(this);
  }

  private outOfOrder(what: string): never {
    throw new ProtocolError(
      ServiceCloseCode.OutOfOrder,
      `${what} on link ${this.number} while it is ${this.state}`,
    );
  }
}

const CLOSED_BEFORE_TAKEN = 'The connection was closed before the client took the message';
