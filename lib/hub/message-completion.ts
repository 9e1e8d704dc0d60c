import { MessageIdentity } from '../gateway/message-id.decorator.js';
import type { HubLink } from '../protocol/hub-link.js';

/** Counts what is still at work on one message; the last one to end makes it handled. */
export class MessageCompletion extends MessageIdentity {
  private pending = 1;

  constructor(
    private readonly link: HubLink,
    number: number,
  ) {
    super(link.connectionId, number);
  }

  begin(): void {
    this.pending++;
  }

  end(): void {
    if (--this.pending === 0) this.link.handled(this.number);
  }
}
