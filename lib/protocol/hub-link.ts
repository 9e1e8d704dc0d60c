import { Completions } from './completions.js';
import { ProtocolError, ServiceCloseCode } from './errors.js';
import { MessageType } from './messages.js';
import type {
  CloseConnection,
  EndpointKey,
  LinkMessage,
  MigrateConnectionAck,
  MigrateConnectionRequest,
  MigrationInfo,
  OpenConnection,
  Payload,
  RebindConnection,
} from './messages.js';
import { OutboundWindow } from './outbound-window.js';
import type { OutboundLimits } from './outbound-window.js';
import type { AckSource, LinkChannel, LinkEnd } from './session.js';

/** When an inbound message counts as acknowledged: handed to the handlers, or handled by all of them. */
export type AckMode = 'received' | 'handled';

/** How a link ended. */
export interface LinkEndCause {
  code: number;
  reason: string;
  /** Given when the connection lives on at another server. */
  migration?: MigrationInfo | undefined;
}

/** The hub server's side of a link. */
export interface HubLinkHost {
  /** The link's service connection is lost; it waits to be bound to another one. */
  linkDetached(link: HubLink): void;
  /** The link is over; without a cause when it was refused. */
  linkEnded(link: HubLink, cause: LinkEndCause | undefined): void;
}

/** The application's side of a link. */
export interface HubLinkOwner {
  /** An inbound message. Call {@link HubLink.delivered} when the handlers get it. */
  deliver(data: Payload, binary: boolean): void;
  pongReceived(data: Uint8Array): void;
  /** The connection is no longer this server's: gone, or moved when `migration` is given. */
  closed(code: number, reason: string, migration: MigrationInfo | undefined): void;
  /** A migration of this connection did not happen; it stays here. */
  stays(reason: string): void;
}

type State = 'opening' | 'open' | 'requested' | 'paused' | 'closed';

/**
 * The hub server's end of one client connection: counts, acknowledges, retains, and leaves at a safe
 * point when the relay asks it to.
 *
 * opening → open → requested (a move was asked for) → paused (READY) → closed (moved) or open (rolled back).
 */
export class HubLink implements LinkEnd, AckSource {
  readonly connectionId: string;
  readonly endpoint: EndpointKey;
  /** The epoch of the latest binding. */
  epoch: number;
  private readonly origin: MigrationInfo | undefined;
  private detachedNow = false;
  /** Inbound messages received, those acknowledged by another server before included. */
  private received: number;
  /** Where numbers are skipped: after this many received messages, how many. */
  private readonly skips: { after: number; count: number }[] = [];
  private state: State = 'opening';
  private readonly outbound: OutboundWindow;
  private readonly completions: Completions;
  private inFlightHandlers = 0;
  private inbound: number;
  private ackScheduled = false;
  private attempt = 0;
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
    this.inbound = this.received = open.inbound;
    this.outbound = new OutboundWindow(channel, number, limits);
    this.completions = new Completions(open.inbound);
  }

  /** Bytes that the client's socket has not taken yet. */
  get bufferedBytes(): number {
    return this.outbound.bytes;
  }

  /** Whether the relay asked this connection to move and it has not left yet. */
  get leaving(): boolean {
    return this.state === 'requested' || this.state === 'paused';
  }

  /**
   * Whether this server has said that it is ready to let the connection go. Until
   * {@link HubLinkOwner.stays} no message may be handed to the handlers: another server gets those
   * that were received and not handed to them.
   */
  get paused(): boolean {
    return this.state === 'paused';
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
    this.transmit();
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
   */
  send(data: Payload, binary: boolean, done?: (error?: Error) => void): void {
    if (this.state === 'closed' || this.closing) {
      done?.(new Error('The connection is closed'));
      return;
    }
    this.outbound.push(data, binary, done);
    if (this.flowing) this.transmit();
  }

  ping(data: Uint8Array): void {
    if (this.flowing) {
      this.channel.sendControl({ type: MessageType.ClientPing, link: this.number, data });
    }
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
    if (this.state === 'closed' || this.closing) return;
    this.closing = { code, reason };
    if (this.flowing) this.transmit();
  }

  /** Closes the client's connection now; what it was not sent yet is dropped. */
  abort(code: number, reason: string): void {
    if (this.state === 'closed') return;
    this.closing = { code, reason };
    this.closeSent = false;
    this.outbound.dropWaiting(new Error('The connection was cut'));
    if (this.flowing) this.transmit();
  }

  /** A message was handed to the handlers. @returns its number, for {@link handled} */
  delivered(): number {
    this.inFlightHandlers++;
    this.applySkips();
    const number = ++this.inbound;
    if (this.ack === 'received') this.complete(number);
    return number;
  }

  /** All handlers of the message with this number have completed. */
  handled(number: number): void {
    this.inFlightHandlers--;
    if (this.ack === 'handled') this.complete(number);
    if (this.state === 'requested') this.leaveAtSafePoint();
  }

  onData(data: Payload, binary: boolean): void {
    if (this.state === 'opening' || this.state === 'paused') {
      throw new ProtocolError(
        ServiceCloseCode.OutOfOrder,
        `data on link ${this.number} while it is ${this.state}`,
      );
    }
    this.received++;
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
        this.skips.push({ after: this.received, count: message.count });
        this.received += message.count;
        this.applySkips();
        return;
      case MessageType.ClientPong:
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
    this.host.linkDetached(this);
  }

  /** Goes on with another service connection of the same relay. */
  rebind(channel: LinkChannel, message: RebindConnection): void {
    this.outbound.rebind(channel, message.link, message.received);
    if (!this.detachedNow) this.channel.release(this.number);
    this.channel = channel;
    this.number = message.link;
    this.epoch = message.epoch;
    this.detachedNow = this.ackScheduled = false;
    channel.sendControl({
      type: MessageType.RebindConnectionResponse,
      link: this.number,
      accepted: true,
      received: this.received,
    });
    channel.sendAck(this.number, this.completions.count, this.completions.ranges);
    this.closeSent = false;
    if (this.leaving) {
      this.state = 'open';
      this.owner.stays('rebound');
    }
    this.transmit();
  }

  /** The connection is not this server's any more, and no service connection says so. */
  gone(code: number, reason: string, migration?: MigrationInfo): void {
    this.end(code, reason, migration);
  }

  writeAck(): void {
    this.ackScheduled = false;
    if (this.state === 'closed' || this.detachedNow) return;
    this.channel.sendAck(this.number, this.completions.count, this.completions.takeFresh());
  }

  private onClose(message: CloseConnection) {
    this.end(message.code, message.reason, message.migration);
  }

  private onMigrateRequest(message: MigrateConnectionRequest) {
    if (this.state === 'opening' || this.state === 'paused') {
      throw new ProtocolError(
        ServiceCloseCode.OutOfOrder,
        `MigrateConnectionRequest on link ${this.number} while it is ${this.state}`,
      );
    }
    if (message.attempt < this.attempt) return;
    this.attempt = message.attempt;
    this.state = 'requested';
    this.leaveAtSafePoint();
  }

  private leaveAtSafePoint() {
    if (this.inFlightHandlers > 0 || this.closing) return;
    this.outbound.transmitAll();
    this.state = 'paused';
    this.channel.sendControl({
      type: MessageType.MigrateConnectionResponse,
      link: this.number,
      attempt: this.attempt,
      ready: true,
      handled: this.completions.count,
      sent: this.outbound.sent,
    });
  }

  private onMigrateAck(message: MigrateConnectionAck) {
    if (message.attempt !== this.attempt || !this.leaving) return;
    if (message.outcome === 'rolledBack') {
      this.state = 'open';
      this.owner.stays(message.reason);
      this.transmit();
      return;
    }
    if (this.state !== 'paused') {
      throw new ProtocolError(
        ServiceCloseCode.OutOfOrder,
        `link ${this.number} was committed before it was ready`,
      );
    }
    this.outbound.transmitAll();
    this.channel.sendControl({
      type: MessageType.ConnectionReleased,
      link: this.number,
      attempt: this.attempt,
      sent: this.outbound.sent,
      ...(this.closing && { close: this.closing }),
    });
    const { server, reason, attempt } = message;
    this.finish({ code: 1012, reason, migration: { server, reason, attempt } }, undefined);
    this.owner.closed(1012, reason, { server, reason, attempt });
  }

  private complete(number: number) {
    this.completions.complete(number);
    if (this.ackScheduled || this.state === 'closed') return;
    this.ackScheduled = true;
    this.channel.scheduleAck(this);
  }

  /** Whether what the application sends leaves at once. */
  private get flowing(): boolean {
    return (this.state === 'open' || this.state === 'requested') && !this.detachedNow;
  }

  /** Numbers that another server acknowledged count as complete once their turn has come. */
  private applySkips() {
    while (this.skips[0]?.after === this.inbound) {
      const { count } = this.skips.shift()!;
      for (let i = 0; i < count; i++) this.completions.complete(++this.inbound);
    }
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
    this.finish({ code, reason, migration }, new Error(CLOSED_BEFORE_TAKEN));
    this.owner.closed(code, reason, migration);
  }

  /** @param error what happens to the messages that no client has taken; undefined: handed over */
  private finish(cause: LinkEndCause | undefined, error: Error | undefined) {
    // First of all: what the callbacks send now must fail, since nobody would take it.
    this.state = 'closed';
    this.channel.release(this.number);
    this.outbound.clear(error);
    this.host.linkEnded(this, cause);
  }
}

const CLOSED_BEFORE_TAKEN = 'The connection was closed before the client took the message';
