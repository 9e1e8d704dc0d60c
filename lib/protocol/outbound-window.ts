import { ProtocolError, ServiceCloseCode } from './errors.js';
import type { Payload } from './messages.js';
import { Retention } from './retention.js';
import type { LinkChannel } from './session.js';

export interface OutboundLimits {
  /** Outbound bytes in flight before further messages wait. */
  retainedBytes: number;
  /** Outbound messages in flight before further ones wait. */
  retainedMessages: number;
}

/**
 * What a hub server sends on a link, numbered and retained until the relay acknowledged it. Only so
 * much is in flight at a time; further messages wait.
 */
export class OutboundWindow {
  private readonly retained = new Retention();
  private transmitted = 0;
  private inFlightBytes = 0;

  constructor(
    private channel: LinkChannel,
    private link: number,
    private readonly limits: OutboundLimits,
  ) {}

  /** Bytes that are not acknowledged yet, those that wait included. */
  get bytes(): number {
    return this.retained.bytes;
  }

  /** Messages sent so far. */
  get sent(): number {
    return this.transmitted;
  }

  /** Number of the last message, those that wait included. */
  get last(): number {
    return this.retained.last;
  }

  /** Whether nothing waits. */
  get drained(): boolean {
    return this.transmitted === this.retained.last;
  }

  push(
    data: Payload,
    binary: boolean,
    bytes: number,
    done: ((error?: Error) => void) | undefined,
  ): void {
    this.retained.push(data, binary, bytes, done);
  }

  /** Sends what the limits allow. */
  transmit(): void {
    const { retained } = this;
    while (this.transmitted < retained.last && !this.full) this.transmitNext();
  }

  /** Whether so much is in flight that further messages wait. */
  private get full(): boolean {
    const { limits } = this;
    return (
      this.inFlightBytes >= limits.retainedBytes ||
      this.transmitted - this.retained.acknowledged >= limits.retainedMessages
    );
  }

  /** Sends everything, whatever the limits say. */
  transmitAll(): void {
    this.transmitUpTo(this.last);
  }

  /** Sends what comes before this message, and it, whatever the limits say. */
  transmitUpTo(number: number): void {
    while (this.transmitted < number) this.transmitNext();
  }

  /** @throws ProtocolError when more is acknowledged than was sent */
  acknowledge(count: number, ranges: readonly number[]): void {
    const highest = ranges.length > 0 ? ranges[ranges.length - 1]! : count;
    if (highest > this.transmitted) {
      throw new ProtocolError(
        ServiceCloseCode.BadField,
        `link ${this.link}: message ${highest} acknowledged, ${this.transmitted} sent`,
      );
    }
    this.inFlightBytes -= this.retained.release(count, ranges);
  }

  /**
   * Goes on with another service connection: what the relay did not receive is sent again.
   * @throws ProtocolError when the relay cannot have received so many
   */
  rebind(channel: LinkChannel, link: number, received: number): void {
    if (received < this.retained.acknowledged || received > this.transmitted) {
      throw new ProtocolError(
        ServiceCloseCode.BadField,
        `link ${link}: ${received} messages received of ${this.transmitted}`,
      );
    }
    this.channel = channel;
    this.link = link;
    this.transmitted = received;
    this.inFlightBytes = 0;
    for (let number = this.retained.acknowledged + 1; number <= received; number++) {
      this.inFlightBytes += this.retained.at(number)?.bytes ?? 0;
    }
  }

  /** Drops what waits; the callbacks get the error. */
  dropWaiting(error: Error): void {
    this.retained.truncate(this.transmitted, error);
  }

  /** Forgets everything; the callbacks get the error, if one is given. */
  clear(error: Error | undefined): void {
    this.retained.clear(error);
  }

  private transmitNext() {
    const message = this.retained.at(++this.transmitted)!;
    this.inFlightBytes += message.bytes;
    const prompt = message.done !== undefined || this.full;
    this.channel.sendData(this.link, message.data, message.binary, prompt);
  }
}
