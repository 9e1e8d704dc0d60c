import type { MigrationView } from './migration-view.js';

/** The migration of a connection has another state, or waits for something else. */
export interface MigrationEvent extends MigrationView {
  connectionId: string;
  /** When, in milliseconds since 1970. */
  at: number;
}

export interface MigrationListener {
  next(event: MigrationEvent): void;
  /** The relay has stopped. */
  complete(): void;
}

/** What happens to the migrations of a relay, for whoever listens. */
export class MigrationEvents {
  private readonly listeners = new Set<MigrationListener>();
  private over = false;

  get listenerCount(): number {
    return this.listeners.size;
  }

  /** @returns ends the listening */
  listen(listener: MigrationListener): () => void {
    if (this.over) listener.complete();
    else this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** @param view is asked for only when somebody listens */
  emit(connectionId: string, view: () => MigrationView): void {
    if (this.listeners.size === 0) return;
    const event: MigrationEvent = { connectionId, at: Date.now(), ...view() };
    for (const listener of Array.from(this.listeners)) listener.next(event);
  }

  end(): void {
    this.over = true;
    for (const listener of Array.from(this.listeners)) listener.complete();
    this.listeners.clear();
  }
}
