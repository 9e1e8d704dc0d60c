import type { Clock, Timer } from './clock.js';
import type { MigrateConnectionResponse } from './messages.js';
import type { BindingTarget, RelayBinding } from './relay-binding.js';

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

/** What a reroute asks of its link. */
export interface ReroutedLink {
  readonly clock: Clock;
  nextEpoch(): number;
  /** A service connection of the hub server other than this one. */
  otherRoute(serverId: string, besides: BindingTarget): BindingTarget | undefined;
}

/** One that carries out what a reroute decides. */
export interface RerouteOwner {
  /** The hub server is paused: the link leaves its service connection for this one. */
  leaveFor(target: BindingTarget, attempt: number, reason: string): void;
  rerouteEnded(result: RerouteResult): void;
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
    private readonly link: ReroutedLink,
    private readonly owner: RerouteOwner,
    private readonly origin: RelayBinding,
    readonly attempt: number,
    private readonly plan: ReroutePlan,
  ) {
    const { reason, limitMs } = plan;
    this.timer = link.clock.setTimer(() => this.stay('noAnswer'), limitMs);
    const deadlineMs = Math.round(limitMs);
    origin.requestMigration({ kind: 'reroute', attempt, reason, deadlineMs });
  }

  /** @param forwarded messages that the hub server must have received when it is paused */
  onAnswer({ ready, received }: MigrateConnectionResponse, forwarded: number): void {
    const { attempt, link, origin } = this;
    if (this.paused) origin.fail('MigrateConnectionResponse a second time');
    if (!ready) {
      this.end('failed', 'refusedByServer');
      return;
    }
    if (received !== forwarded) {
      origin.fail(`paused with ${received} messages received of ${forwarded}`);
    }
    const target = link.otherRoute(origin.serverId, origin.target);
    if (!target || target.avoided) {
      this.stay('noRoute');
      return;
    }
    this.paused = true;
    link.clock.clearTimer(this.timer);
    this.owner.leaveFor(target, attempt, this.plan.reason);
  }

  /** @param reason that of the plan when absent */
  end(outcome: RerouteResult['outcome'], reason = this.plan.reason): void {
    this.link.clock.clearTimer(this.timer);
    this.owner.rerouteEnded({ outcome, reason });
  }

  /** The link stays where it is. */
  private stay(reason: string) {
    const { attempt, origin } = this;
    const { serverId: server } = origin;
    const epoch = this.link.nextEpoch();
    origin.acknowledgeMigration({ attempt, outcome: 'rolledBack', server, reason, epoch });
    this.end('failed', reason);
  }
}
