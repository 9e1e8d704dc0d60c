import { Buffer } from 'node:buffer';
/** Pings remembered per connection; an application that sends more does not wait for answers. */
const MAX_PINGS = 16;

/**
 * Pings that the application sent and the client did not answer yet. They are sent again when the
 * way to the client has changed, since one that got lost would make a living client look dead.
 */
export class UnansweredPings {
  private readonly pings: Uint8Array[] = [];

  /** Those that were not answered, the oldest first. */
  get list(): readonly Uint8Array[] {
    return this.pings;
  }

  sent(data: Uint8Array): void {
    this.pings.push(data);
    if (this.pings.length > MAX_PINGS) this.pings.shift();
  }

  /** A pong answers its ping and those before it (RFC 6455, 5.5.3). */
  answered(data: Uint8Array): void {
    const at = this.pings.findLastIndex((ping) => Buffer.compare(ping, data) === 0);
    this.pings.splice(0, at + 1);
  }
}
