import type { Hold, HoldOptions } from '../gateway/hold.js';
import type { Timer } from '../protocol/clock.js';
import type { HubLink } from '../protocol/hub-link.js';
import type { EndpointMoves } from './endpoint-moves.js';
import { holdExpired, holdLimitInvalid } from './move.messages.js';

/** What waits for people to read it. */
const LONGEST_REASON = 200;

/** The leases that keep one connection on this hub server. */
export class Holds {
  private readonly leases = new Set<Lease>();

  constructor(
    private readonly link: HubLink,
    private readonly moves: EndpointMoves,
  ) {}

  /** Why the connection is held, if it is. */
  get reason(): string | undefined {
    const [first] = this.leases;
    return first && `hold: ${first.reason}`;
  }

  /** @throws TypeError when the limit is no number of milliseconds above 0 */
  take({ reason = 'held', limitMs }: HoldOptions): Hold {
    const { holdMs } = this.moves.limits;
    if (limitMs !== undefined && !(limitMs > 0)) throw new TypeError(holdLimitInvalid(limitMs));
    const limit = Math.min(limitMs ?? holdMs, holdMs);
    const { clock } = this.moves;
    const lease = new Lease(reason.slice(0, LONGEST_REASON), (it) => this.end(it));
    lease.timer = clock.setTimer(() => this.expire(lease, limit), limit);
    this.leases.add(lease);
    this.link.hold();
    this.link.progressChanged();
    return lease;
  }

  /** The connection is not this server's any more. */
  clear(): void {
    for (const lease of Array.from(this.leases)) lease.release();
  }

  private expire(lease: Lease, limitMs: number) {
    lease.expired = true;
    this.moves.fault(holdExpired(this.link.connectionId, lease.reason, limitMs));
    this.end(lease);
  }

  private end(lease: Lease) {
    if (!this.leases.delete(lease)) return;
    this.moves.clock.clearTimer(lease.timer);
    this.link.unhold();
    this.link.progressChanged();
  }
}

class Lease implements Hold {
  expired = false;
  timer: Timer;

  constructor(
    readonly reason: string,
    private readonly end: (lease: Lease) => void,
  ) {}

  release(): void {
    this.end(this);
  }
}
