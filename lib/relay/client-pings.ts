import type { Clock, Timer } from '../protocol/clock.js';

/** Clients are pinged in so many groups, that not all of them are in one turn. */
const GROUPS = 16;

export interface Pingable {
  /** Sends a ping, or ends the connection when it is dead. */
  keepAlive(): void;
}

/** Pings every client once per interval, with one timer for all. */
export class ClientPings {
  private readonly groups = Array.from({ length: GROUPS }, () => new Set<Pingable>());
  private joined = 0;
  private turn = 0;
  private timer: Timer;

  /** @param intervalMs time between two pings to a client; 0: no pings */
  constructor(
    private readonly intervalMs: number,
    private readonly clock: Clock,
  ) {}

  start(): void {
    if (this.intervalMs > 0) this.arm();
  }

  stop(): void {
    this.clock.clearTimer(this.timer);
  }

  /** @returns a function that takes the client out again */
  add(client: Pingable): () => void {
    const group = this.groups[this.joined++ % GROUPS]!;
    group.add(client);
    return () => group.delete(client);
  }

  private arm() {
    this.timer = this.clock.setTimer(() => {
      this.arm();
      for (const client of this.groups[this.turn++ % GROUPS]!) client.keepAlive();
    }, this.intervalMs / GROUPS);
  }
}
