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
    if (this.intervalMs > 0) this.arm();
  }

  stop(): void {
    this.clock.clearTimer(this.timer);
  }

  /** @returns its group, of which it is to be deleted at its end */
  add(client: Pingable): Set<Pingable> {
    return this.groups[this.joined++ % this.groups.length]!.add(client);
  }

  private arm() {
    this.timer = this.clock.setTimer(() => {
      this.arm();
      for (const client of this.groups[this.turn++ % this.groups.length]!) client.keepAlive();
    }, this.intervalMs / this.groups.length);
  }
}
