import type { Checkpoint } from './messages.js';

/** What a checkpoint says. */
export type SavedContext = Pick<Checkpoint, 'context' | 'migratable'>;

/** What waits: a checkpoint, if there is one, and the messages that may be acknowledged behind it. */
interface Waiting {
  /** Number of the last outbound message that was sent before it. */
  after: number;
  saved: SavedContext | undefined;
  readonly numbers: number[];
}

/**
 * Checkpoints and acknowledgements that wait for what was sent before them: a server that goes on from
 * there takes for sent what would be lost with this one. Two at most, since a newer one takes the place
 * of the last; the first keeps its own, so that it comes through however much is sent meanwhile.
 */
export class CheckpointQueue {
  private readonly waiting: Waiting[] = [];

  /** @param after number of the last outbound message that was sent before */
  add(after: number, saved: SavedContext): void {
    const last = this.waiting[1];
    if (last) Object.assign(last, { after, saved });
    else this.waiting.push({ after, saved, numbers: [] });
  }

  /** Whether nothing waits. */
  get empty(): boolean {
    return this.waiting.length === 0;
  }

  /**
   * A message may be acknowledged behind its results and the last checkpoint.
   * @param after number of the last result
   */
  acknowledge(after: number, number: number): void {
    const last = this.waiting.at(-1);
    if (last && (last.after >= after || this.waiting.length > 1)) {
      last.after = Math.max(last.after, after);
      last.numbers.push(number);
    } else {
      this.waiting.push({ after, saved: undefined, numbers: [number] });
    }
  }

  /**
   * @param sent number of the last outbound message that is on its way
   * @returns the latest checkpoint that need not wait any more, if there is one, and what may be
   * acknowledged now
   */
  take(sent: number): Readonly<Omit<Waiting, 'after'>> | undefined {
    let taken: Waiting | undefined;
    while (this.waiting[0] && this.waiting[0].after <= sent) {
      const { after, saved, numbers } = this.waiting.shift()!;
      taken = {
        after,
        saved: saved ?? taken?.saved,
        numbers: [...(taken?.numbers ?? []), ...numbers],
      };
    }
    return taken;
  }
}
