import { Buffer } from 'node:buffer';
import type { Payload } from '../protocol/messages.js';
import { payloadBytes } from '../protocol/retention.js';

/** A message of which the application has sent a part: `send(data, { fin: false })`. */
export class MessageFragments {
  private parts: Buffer[] = [];
  private binary = false;
  /** Bytes of the parts. */
  bytes = 0;

  /** @returns the whole message, or undefined while further parts are to come */
  add(
    payload: Payload,
    binary: boolean,
    last: boolean,
  ): { payload: Payload; binary: boolean } | undefined {
    if (this.parts.length === 0) {
      if (last) return { payload, binary };
      this.binary = binary;
    }
    this.parts.push(typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(payload));
    this.bytes += payloadBytes(payload);
    if (!last) return undefined;
    const whole = { payload: Buffer.concat(this.parts), binary: this.binary };
    this.parts = [];
    this.bytes = 0;
    return whole;
  }
}
