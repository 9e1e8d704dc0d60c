/** Longest payload whose length fits in the second byte of a frame. */
const SHORT = 125;
const FINAL = 0x80;
const MASKED = 0x80;
/** Length byte that says that two more bytes have the length. */
const TWO_BYTES = 126;
const OPCODE = { text: 0x1, ping: 0x9, pong: 0xa } as const;

export const TEXT = FINAL | OPCODE.text;
export const PING = FINAL | OPCODE.ping;
export const PONG = FINAL | OPCODE.pong;

/** A whole frame as a client sends it. */
export function maskedFrame(
  opcode: keyof typeof OPCODE,
  text = '',
  mask: readonly [number, number, number, number] = [0x12, 0x34, 0x56, 0x78],
): Buffer {
  const payload = shortPayload(text);
  const masked = payload.map((byte, index) => byte ^ mask[index % 4]!);
  return Buffer.from([FINAL | OPCODE[opcode], MASKED | payload.length, ...mask, ...masked]);
}

/** A whole text frame as a server sends it. */
export function serverFrame(text: string): Buffer {
  const payload = shortPayload(text);
  return Buffer.from([TEXT, payload.length, ...payload]);
}

function shortPayload(text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > SHORT) throw new RangeError(`more than ${SHORT} bytes of payload`);
  return payload;
}

/**
 * Counts the answers in what a server sends, wherever its bytes are cut: whole text frames of one
 * length and with the same end. Every other frame is given to `onOther` with its first two bytes.
 */
export class FrameCounter {
  private readonly head: number[] = [];
  private length = 0;
  private remaining = 0;
  private begin = '';

  constructor(
    private readonly answer: Buffer,
    private readonly onOther: (type: number, begin: string, length: number) => void,
  ) {}

  /** How many answers end in these bytes. */
  count(bytes: Uint8Array, from: number, to: number): number {
    let answers = 0;
    let at = from;
    while (at < to) {
      if (this.remaining === 0) {
        if (!this.readHead(bytes[at++]!)) continue;
      } else {
        at += this.readPayload(bytes, at, to);
      }
      if (this.remaining > 0) continue;
      if (this.isAnswer) answers += this.endAnswer(bytes[at - 1]!);
      else this.onOther(this.head[0]!, this.begin, this.length);
      this.head.length = 0;
    }
    return answers;
  }

  private get isAnswer(): boolean {
    return this.head[0] === TEXT && this.length === this.answer.length - 2;
  }

  /** Whether the head is complete. */
  private readHead(byte: number): boolean {
    const { head } = this;
    head.push(byte);
    if (head.length < 2 || (head[1] === TWO_BYTES && head.length < 4)) return false;
    this.length = head[1] === TWO_BYTES ? head[2]! * 256 + head[3]! : head[1]!;
    this.remaining = this.length;
    this.begin = '';
    return true;
  }

  private readPayload(bytes: Uint8Array, at: number, to: number): number {
    const step = Math.min(this.remaining, to - at);
    if (!this.isAnswer) {
      const wanted = Math.min(2 - this.begin.length, step);
      for (let index = 0; index < wanted; index += 1) {
        this.begin += String.fromCharCode(bytes[at + index]!);
      }
    }
    this.remaining -= step;
    return step;
  }

  private endAnswer(last: number): number {
    if (last !== this.answer.at(-1)) throw new Error('the server sent another message');
    return 1;
  }
}
