import process from 'node:process';
import { Buffer } from 'node:buffer';
/** Bytes of a text that is remembered for longer than the present turn. */
const MOST_KEPT = 16_384;

/** The text that was sent last. The same one often goes to many clients: its bytes are counted once. */
export class CountedText {
  private text = '';
  private bytes = 0;
  private forgetting = false;

  /** @returns the bytes of a text in UTF-8 */
  bytesOf(text: string): number {
    if (text === this.text) return this.bytes;
    this.remember(text, Buffer.byteLength(text));
    if (this.bytes > MOST_KEPT && !this.forgetting) {
      this.forgetting = true;
      process.nextTick(() => this.forgetIfLarge());
    }
    return this.bytes;
  }

  private remember(text: string, bytes: number) {
    this.text = text;
    this.bytes = bytes;
  }

  private forgetIfLarge() {
    this.forgetting = false;
    if (this.bytes > MOST_KEPT) this.remember('', 0);
  }
}
