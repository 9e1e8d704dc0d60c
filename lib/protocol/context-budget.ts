/** Bytes of checkpoints that all links of a relay may keep together. */
export class ContextBudget {
  /** Bytes kept now. */
  used = 0;
  /** Checkpoints for which there was no room, since the relay started. */
  forgotten = 0;

  constructor(readonly limit: number) {}

  hasRoomFor(bytes: number): boolean {
    return this.used + bytes <= this.limit;
  }
}
