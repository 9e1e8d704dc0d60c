import type { HubLink } from '../protocol/hub-link.js';

/** Counts what is still at work on one message; the last one to end makes it handled. */
export class MessageCompletion {
  private pending = 1;

  constructor(
    private readonly link: HubLink,
    private readonly number: number,
  ) {}

  begin(): void {
    this.pending++;
  }

  end(): void {
    if (--this.pending === 0) this.link.handled(this.number);
  }
}
