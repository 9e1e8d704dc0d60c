/** Longest payload whose length fits in the second byte of a frame. */
const SHORT = 125;
const FINAL = 0x80;
const MASKED = 0x80;
const OPCODE = { text: 0x1, ping: 0x9, pong: 0xa } as const;
const CLOSING_BRACE = 0x7d;

/** A message of exactly `bytes` bytes: `{"event":"echo","data":"…"}`. */
export function jsonMessage(event: string, bytes: number): string {
  const empty = JSON.stringify({ event, data: '' });
  if (bytes < empty.length || bytes > SHORT) {
    throw new RangeError(`a message of "${event}" has ${empty.length} to ${SHORT} bytes`);
  }
  return JSON.stringify({ event, data: 'x'.repeat(bytes - empty.length) });
}

/** A whole frame as a client sends it. */
export function maskedFrame(
  opcode: keyof typeof OPCODE,
  text = '',
  mask: readonly [number, number, number, number] = [0x12, 0x34, 0x56, 0x78],
): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > SHORT) throw new RangeError(`more than ${SHORT} bytes of payload`);
  const masked = payload.map((byte, index) => byte ^ mask[index % 4]!);
  return Buffer.from([FINAL | OPCODE[opcode], MASKED | payload.length, ...mask, ...masked]);
}

/**
 * Counts the messages in what a server sends, wherever its bytes are cut. It expects whole text
 * frames of one length that end a JSON object, and control frames; all else is an error.
 */
export class FrameCounter {
  /** Pings since the last call of {@link takePings}. */
  private pings = 0;
  private first = -1;
  private remaining = 0;
  private isText = false;

  constructor(private readonly payloadLength: number) {}

  /** How many messages end in these bytes. */
  count(bytes: Uint8Array, from: number, to: number): number {
    let messages = 0;
    let at = from;
    while (at < to) {
      if (this.remaining > 0) {
        const step = Math.min(this.remaining, to - at);
        at += step;
        this.remaining -= step;
        if (this.remaining === 0 && this.isText) {
          if (bytes[at - 1] !== CLOSING_BRACE) throw new Error('the server sent no JSON object');
          messages += 1;
        }
      } else if (this.first < 0) {
        this.first = bytes[at++]!;
      } else {
        this.begin(this.first, bytes[at++]!);
        this.first = -1;
      }
    }
    return messages;
  }

  takePings(): number {
    const { pings } = this;
    this.pings = 0;
    return pings;
  }

  private begin(first: number, length: number): void {
    this.isText = first === (FINAL | OPCODE.text) && length === this.payloadLength;
    if (!this.isText) {
      if (first === (FINAL | OPCODE.ping)) this.pings += 1;
      else if (first !== (FINAL | OPCODE.pong)) {
        throw new Error(`the server sent a frame 0x${first.toString(16)} of length ${length}`);
      }
    }
    this.remaining = length;
  }
}
