/** Stops a stream at its source, once: what has left the source goes on to the client. */
export class StreamStop {
  private made = false;
  private readonly listeners = new Set<() => void>();

  get requested(): boolean {
    return this.made;
  }

  request(): void {
    if (this.made) return;
    this.made = true;
    for (const listener of this.listeners) listener();
  }

  /** Calls back at the request, at once when it was made. @returns takes the listener away */
  onRequest(listener: () => void): () => void {
    if (this.made) listener();
    else this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
