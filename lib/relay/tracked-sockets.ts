import type { Duplex } from 'node:stream';

/**
 * Raw sockets that left their HTTP server by an upgrade. A server does not end these when it closes,
 * and an error on one that nobody listens to would end the process.
 */
export class TrackedSockets {
  private readonly sockets = new Set<Duplex>();
  private readonly waiters = new Set<() => void>();

  get size(): number {
    return this.sockets.size;
  }

  add(socket: Duplex): void {
    if (this.sockets.has(socket) || socket.destroyed) return;
    this.sockets.add(socket);
    socket.on('error', destroy);
    socket.on('close', () => this.closed(socket));
  }

  /** Resolves once all are closed, or after `limitMs`. */
  async whenEmpty(limitMs: number): Promise<void> {
    if (this.sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.waiters.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, limitMs);
      this.waiters.add(wake);
    });
  }

  destroyAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private closed(socket: Duplex) {
    this.sockets.delete(socket);
    if (this.sockets.size === 0) for (const wake of this.waiters) wake();
  }
}

function destroy(this: Duplex): void {
  this.destroy();
}
