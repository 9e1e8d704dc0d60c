import type { Clock, Timer } from '../protocol/clock.js';

/** Time between two groups of clients in milliseconds: not all of them are pinged in one turn. */
const TURN_MS = 100;
const MOST_GROUPS = 1000;

export interface Pingable {
  /** Sends a ping, or ends the connection when it is dead. */
  keepAlive(): void;
}

/** Pings every client once per interval, with one timer for all. */
export class ClientPings {
  private readonly groups: readonly Set<Pingable>[];
  private joined = 0;
  private turn = 0;
  /** When the next group is pinged, or the latest one was. */
  private due = 0;
  private timer: Timer;

  /** @param intervalMs time between two pings to a client; 0: no pings */
  constructor(
    private readonly intervalMs: number,
    private readonly clock: Clock,
  ) {
    const length = Math.min(Math.max(1, Math.round(intervalMs / TURN_MS)), MOST_GROUPS);
    this.groups = Array.from({ length }, () => new Set<Pingable>());
  }

  start(): void {
    this.due = this.clock.now();
    if (this.intervalMs > 0) this.arm();
  }

  stop(): void {
    this.clock.clearTimer(this.timer);
  }

  /** @returns its group, of which it is to be deleted at its end */
  add(client: Pingable): Set<Pingable> {
    return this.groups[this.joined++ % this.groups.length]!.add(client);
  }

  /** By the clock, as each timer is a little late. */
  private arm() {
    const { clock, groups, intervalMs } = this;
    const now = clock.now();
    this.due = Math.max(now, this.due + intervalMs / groups.length);
    this.timer = clock.setTimer(() => {
      this.arm();
      for (const client of groups[this.turn++ % groups.length]!) client.keepAlive();
    }, this.due - now);
  }
}
