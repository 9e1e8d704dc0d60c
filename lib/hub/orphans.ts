import type { Clock, Timer } from '../protocol/clock.js';
import type { HubLink } from '../protocol/hub-link.js';

interface Orphan {
  relayId: string;
  since: number;
}

/** Connections that lost their service connection and wait for another one to their relay. */
export class Orphans {
  private readonly waiting = new Map<HubLink, Orphan>();
  private timer: Timer;

  /** @param limitMs time after which a connection ends */
  constructor(
    private readonly clock: Clock,
    private readonly limitMs: number,
  ) {}

  add(link: HubLink, relayId: string): void {
    this.waiting.set(link, { relayId, since: this.clock.now() });
    this.timer ??= this.clock.setTimer(() => this.endOld(), this.limitMs);
  }

  delete(link: HubLink): void {
    this.waiting.delete(link);
  }

  /** Those of a relay. */
  of(relayId: string): HubLink[] {
    return [...this.waiting].filter(([, it]) => it.relayId === relayId).map(([link]) => link);
  }

  /** No other relay than these will ever come: those of others end. */
  keepOnly(relayIds: ReadonlySet<string>): void {
    for (const [link, { relayId }] of Array.from(this.waiting)) {
      if (!relayIds.has(relayId)) link.gone(1006, RELAY_GONE);
    }
  }

  stop(): void {
    this.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  private endOld() {
    this.timer = undefined;
    const due = this.clock.now() - this.limitMs;
    let next = Infinity;
    for (const [link, { since }] of Array.from(this.waiting)) {
      if (since <= due) link.gone(1006, RELAY_GONE);
      else next = Math.min(next, since - due);
    }
    if (next < Infinity) this.timer = this.clock.setTimer(() => this.endOld(), next);
  }
}

const RELAY_GONE = 'the relay is gone';
