import type { LinkEndCause } from '../protocol/hub-link-owner.js';

/** Clients can send any close code and reason: this many different ones are counted by name. */
const MAX_NAMES = 64;

/** How connections left this server since it was set offline. */
export class LeaveCounts {
  /** Connections that live on at another server. */
  migrated = 0;
  /** Connections that ended: by reason when closed with 1012, else by close code. */
  // Names come from clients: "constructor" is one like any other.
  readonly closed = Object.create(null) as Record<string, number>;

  count({ code, reason, migration }: LinkEndCause): void {
    if (migration) {
      this.migrated++;
      return;
    }
    const named = code === 1012 && reason.length > 0 && reason.length <= 32;
    const name = named ? reason : String(code);
    const { closed } = this;
    if (name in closed || Object.keys(closed).length < MAX_NAMES) {
      closed[name] = (closed[name] ?? 0) + 1;
    }
  }
}
