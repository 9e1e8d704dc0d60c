import type { Payload } from '../protocol/messages.js';

/** Bytes of a text that is remembered for longer than the present turn. */
const MOST_KEPT = 16_384;

/**
 * The text that was sent last. The same one often goes to many clients: it is counted and encoded
 * once, and all of them retain the same bytes.
 */
export class SharedText {
  private text = '';
  private encoded: Buffer | undefined;
  private forgetting = false;
  /** Bytes of the text. */
  bytes = 0;

  /** @returns what to send for a text, whose bytes are then {@link bytes} */
  payloadOf(text: string): Payload {
    if (text === this.text) return (this.encoded ??= Buffer.from(text));
    this.remember(text, Buffer.byteLength(text));
    if (this.bytes > MOST_KEPT && !this.forgetting) {
      this.forgetting = true;
      process.nextTick(() => this.forgetIfLarge());
    }
    return text;
  }

  private remember(text: string, bytes: number) {
    this.text = text;
    this.bytes = bytes;
    this.encoded = undefined;
  }

  private forgetIfLarge() {
    this.forgetting = false;
    if (this.bytes > MOST_KEPT) this.remember('', 0);
  }
}
