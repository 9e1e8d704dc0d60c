import { HubInbound } from './hub-inbound.js';
import type { AckMode } from './hub-inbound.js';
import type { HubLinkOwner } from './hub-link-owner.js';
import { MessageType } from './messages.js';
import type { Payload } from './messages.js';
import { OutboundWindow } from './outbound-window.js';
import type { OutboundLimits } from './outbound-window.js';
import { payloadBytes } from './retention.js';
import type { LinkChannel } from './session.js';
import { UnansweredPings } from './unanswered-pings.js';

/**
 * The outbound half of a hub server's link: what the application sends, pings and closes, retained
 * until the client's socket has taken it, and sent when it may flow.
 */
export abstract class HubOutbound extends HubInbound {
  protected readonly outbound: OutboundWindow;
  private pings: UnansweredPings | undefined;
  /** The application has closed the connection. */
  protected closing: { code: number; reason: string } | undefined;
  private closeSent = false;

  constructor(
    channel: LinkChannel,
    number: number,
    start: number,
    ack: AckMode,
    limits: OutboundLimits,
    owner: HubLinkOwner,
  ) {
    super(channel, number, start, ack, owner);
    this.outbound = new OutboundWindow(channel, number, limits);
  }

  /** Bytes that the client's socket has not taken yet. */
  get bufferedBytes(): number {
    return this.outbound.bytes;
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
    if (this.flowing) this.say({ type: MessageType.ClientPong, data });
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

  onAck(count: number, ranges: readonly number[]): void {
    this.outbound.acknowledge(count, ranges);
    if (this.flowing) this.transmit();
  }

  protected onPong(data: Uint8Array): void {
    this.pings?.answered(data);
    this.owner.pongReceived(data);
  }

  /** What waited while nothing could be sent, or may have got lost, is sent. */
  protected resume(): void {
    this.transmit();
    this.catchUp();
    if (this.pings && this.flowing) for (const ping of this.pings.list) this.sendPing(ping);
  }

  protected override repeat(sent: number): void {
    super.repeat(sent);
    this.closeSent = false;
  }

  private transmit() {
    this.outbound.transmit();
    this.sendCheckpoints();
    if (this.closing && this.outbound.drained) this.sendClose();
  }

  private sendPing(data: Uint8Array) {
    this.say({ type: MessageType.ClientPing, data });
  }

  private sendClose() {
    if (this.closeSent) return;
    this.closeSent = true;
    this.say({ type: MessageType.CloseConnection, ...this.closing! });
  }
}
