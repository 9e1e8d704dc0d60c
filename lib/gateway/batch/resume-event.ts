/**
 * The event of a resume handler. As an object that nothing else equals it cannot be in a client's
 * message.
 */
export class ResumeEvent {
  constructor(readonly event: unknown) {}

  /** For Nest's log of the subscribed events. */
  toString(): string {
    return `${String(this.event)} (resumed)`;
  }
}
