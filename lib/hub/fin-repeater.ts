import type { Clock, Timer } from '../protocol/clock.js';
import type { HubSession } from '../protocol/hub-session.js';
import { MessageType } from '../protocol/messages.js';

/** Takes a hub server out of routing: FIN on each session, again until its FINACK or its end. */
export class FinRepeater {
  private started = false;
  private readonly unacknowledged = new Set<HubSession>();
  private timer: Timer;
  private onDone: (() => void)[] = [];

  /** @param intervalMs time after which FIN is sent again */
  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: number,
  ) {}

  /** @param done called when all sessions have answered or ended, or FIN is not sent any more */
  start(sessions: Iterable<HubSession>, done: () => void): void {
    this.onDone.push(done);
    if (!this.started) {
      this.started = true;
      for (const session of sessions) this.unacknowledged.add(session);
      this.send();
    }
    this.check();
  }

  /** A session has answered, or has ended. */
  settled(session: HubSession): void {
    this.unacknowledged.delete(session);
    if (this.started) this.check();
  }

  /** Sends FIN no more; what waits for its answer goes on. */
  stop(): void {
    this.unacknowledged.clear();
    this.check();
  }

  /** The server stops: FIN is sent no more, and is not begun. */
  cancel(): void {
    this.started = true;
    this.clock.clearTimer(this.timer);
  }

  private send() {
    if (this.unacknowledged.size === 0) return;
    for (const session of this.unacknowledged) {
      if (session.open) session.sendControl({ type: MessageType.Fin });
    }
    this.timer = this.clock.setTimer(() => this.send(), this.intervalMs);
  }

  private check() {
    if (this.unacknowledged.size > 0) return;
    this.clock.clearTimer(this.timer);
    for (const done of this.onDone.splice(0)) done();
  }
}
