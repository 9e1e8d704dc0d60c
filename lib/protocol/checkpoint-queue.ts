import type { Checkpoint } from './messages.js';

/** What a checkpoint says. */
export type SavedContext = Pick<Checkpoint, 'context' | 'migratable'>;

/** A checkpoint that waits, and the messages that may be acknowledged behind it. */
interface Waiting {
  /** Number of the last outbound message that was sent before it. */
  after: number;
  saved: SavedContext;
  readonly numbers: number[];
}

/**
 * Checkpoints that wait for what was sent before them: a server that goes on from one takes for sent
 * what would be lost with this one. Two at most, since a newer one takes the place of the last; the
 * first keeps its own, so that it comes through however much is sent meanwhile.
 */
export class CheckpointQueue {
  private readonly waiting: Waiting[] = [];

  /** @param after number of the last outbound message that was sent before */
  add(after: number, saved: SavedContext): void {
    const last = this.waiting[1];
    if (last) Object.assign(last, { after, saved });
    else this.waiting.push({ after, saved, numbers: [] });
  }

  /** The effects of a message are in the last checkpoint. @returns false when none waits */
  acknowledge(number: number): boolean {
    const last = this.waiting.at(-1);
    last?.numbers.push(number);
    return last !== undefined;
  }

  /**
   * @param sent number of the last outbound message that is on its way
   * @returns the latest checkpoint that need not wait any more, and what may be acknowledged with it
   */
  take(sent: number): Readonly<Omit<Waiting, 'after'>> | undefined {
    let taken: Waiting | undefined;
    while (this.waiting[0] && this.waiting[0].after <= sent) {
      const { after, saved, numbers } = this.waiting.shift()!;
      taken = { after, saved, numbers: [...(taken?.numbers ?? []), ...numbers] };
    }
    return taken;
  }

  clear(): void {
    this.waiting.length = 0;
  }
}
