import { MessageIdentity } from '../gateway/message-id.decorator.js';
import type { HubLink } from '../protocol/hub-link.js';

/** Counts what is still at work on one message; the last one to end makes it handled. */
export class MessageCompletion extends MessageIdentity {
  private pending = 1;
  /** Handlers that have stopped before their end; negative when none will. */
  private suspensions = -1;

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
    if (--this.pending > 0) return;
    if (this.suspensions > 0) {
      this.link.suspended(this.number);
      return;
    }
    if (this.suspensions === 0) this.link.dispatched(this.number);
    this.link.handled(this.number);
  }

  /** The listeners have got the message. */
  dispatched(): void {
    if (this.suspensions < 0) this.link.dispatched(this.number);
    this.end();
  }

  /** Another server may have to go on with it: it is not acknowledged before it is handled. */
  mayBeSuspended(): void {
    this.suspensions = 0;
  }

  /** A handler has stopped before its end. */
  suspend(): void {
    this.suspensions++;
    this.end();
  }

  /** A handler that had stopped goes on. */
  resume(): void {
    this.suspensions--;
    if (this.pending++ === 0) this.link.resumed();
  }
}
