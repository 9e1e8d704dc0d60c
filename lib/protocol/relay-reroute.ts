import type { Clock, Timer } from './clock.js';
import type { RelayBinding } from './relay-binding.js';

/** Why and until when a link is to go on with another service connection of its hub server. */
export interface ReroutePlan {
  /** `ingressReload` and so on. */
  reason: string;
  /** Limit of the hub server's answer in milliseconds. */
  limitMs: number;
}

/** The result of one attempt to reroute a link. */
export interface RerouteResult {
  /** `moved`; or `failed`, and the link is where it was or waits to be rebound; or `ended` with the connection. */
  outcome: 'moved' | 'failed' | 'ended';
  /** The plan's reason, or `noRoute`, `refusedByServer`, `noAnswer`, `sessionLost`. */
  reason: string;
}

/**
 * One attempt to move a link to another service connection of the same hub server. Inbound is held
 * and outbound paused until the link goes on there; handlers are not disturbed.
 */
export class RelayReroute {
  /** Whether the hub server has paused, so that nothing comes on the former service connection. */
  paused = false;
  private readonly timer: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly origin: RelayBinding,
    readonly attempt: number,
    readonly plan: ReroutePlan,
    onTimeout: () => void,
  ) {
    this.timer = clock.setTimer(onTimeout, plan.limitMs);
    origin.requestMigration('reroute', attempt, plan.reason, Math.round(plan.limitMs));
  }

  /** The hub server is paused: nothing more comes on the former service connection. */
  onPaused(): void {
    this.paused = true;
    this.stop();
  }

  /** The link stays where it is. */
  rollBack(reason: string, epoch: number): void {
    this.stop();
    const { attempt, origin } = this;
    const { serverId: server } = origin;
    origin.acknowledgeMigration({ attempt, outcome: 'rolledBack', server, reason, epoch });
  }

  stop(): void {
    this.clock.clearTimer(this.timer);
  }
}
