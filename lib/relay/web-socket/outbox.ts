import type { Clock } from '../../protocol/clock.js';
import { encodeFrames } from '../../transport/web-socket/frame-writer.js';
import type { Frames } from '../../transport/web-socket/frame-writer.js';

/** One that has frames to write. */
export interface Sender {
  flush(): void;
}

/**
 * What all clients of a relay write in one turn: each socket once. What goes to many is encoded once.
 */
export class Outbox {
  private senders: Sender[] = [];
  private lastFrames: Frames = [];
  private lastBytes: Buffer | undefined;

  constructor(private readonly clock: Clock) {}

  /** Has the sender flushed at the end of this turn. */
  add(sender: Sender): void {
    if (this.senders.push(sender) === 1) this.clock.defer(this.flush, true);
  }

  /** The frames as bytes, which nobody may change. */
  encode(frames: Frames): Buffer {
    const { lastFrames, lastBytes } = this;
    if (lastBytes && areSame(frames, lastFrames)) return lastBytes;
    this.lastFrames = frames;
    return (this.lastBytes = encodeFrames(frames));
  }

  private readonly flush = () => {
    const { senders } = this;
    this.senders = [];
    for (const sender of senders) sender.flush();
    this.lastFrames = [];
    this.lastBytes = undefined;
  };
}

/** Whether they become the same bytes, as far as that is seen at once: other bytes are not compared. */
function areSame(frames: Frames, others: Frames): boolean {
  if (frames.length !== others.length) return false;
  for (let i = 0; i < frames.length; i++) {
    if (frames[i] !== others[i]) return false;
  }
  return true;
}
