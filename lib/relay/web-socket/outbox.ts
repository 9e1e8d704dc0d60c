import type { Clock } from '../../protocol/clock.js';
import { encodeFrames } from '../../transport/web-socket/frame-writer.js';
import type { FramePayload, Frames } from '../../transport/web-socket/frame-writer.js';

/** One that has frames to write. */
export interface Sender {
  flush(): void;
}

/**
 * What all clients of a relay write in one turn: each socket once. A message that goes to many is
 * encoded once.
 */
export class Outbox {
  private senders: Sender[] = [];
  private lastOpcode: unknown;
  private lastPayload: unknown;
  private lastFrame: Buffer | undefined;

  constructor(private readonly clock: Clock) {}

  /** Has the sender flushed at the end of this turn. */
  add(sender: Sender): void {
    if (this.senders.push(sender) === 1) this.clock.defer(this.flush, true);
  }

  /** The frames as bytes, which nobody may change. */
  encode(frames: Frames): Buffer {
    if (frames.length !== 2) return encodeFrames(frames);
    const [opcode, payload] = frames as readonly [number, FramePayload];
    if (this.lastFrame && payload === this.lastPayload && opcode === this.lastOpcode) {
      return this.lastFrame;
    }
    const frame = encodeFrames(frames);
    this.lastOpcode = opcode;
    this.lastPayload = payload;
    this.lastFrame = frame;
    return frame;
  }

  private readonly flush = () => {
    const { senders } = this;
    this.senders = [];
    for (const sender of senders) sender.flush();
    this.lastPayload = this.lastFrame = undefined;
  };
}
