import { MessageType } from '../../lib/protocol/messages.js';
import type { ControlMessage } from '../../lib/protocol/messages.js';
import type { World } from './world.js';

/** Reads along on one service connection: in which phase a client is, and whether requests end. */
export class WireTap {
  private readonly clientOf = new Map<number, number>();
  private readonly pending = new Map<number, number>();
  private gone = false;

  constructor(private readonly world: World) {}

  sentByRelay(message: ControlMessage): void {
    const { clock, ledger, scenario } = this.world;
    switch (message.type) {
      case MessageType.OpenConnection:
        this.clientOf.set(message.link, Number(message.request.url.split('=')[1]));
        return;
      case MessageType.MigrateConnectionRequest: {
        const { link, attempt, deadlineMs } = message;
        ledger.count('migration asked for');
        this.enter(link, 'requested');
        this.pending.set(link, attempt);
        clock.after(deadlineMs + scenario.stepMs + 2, () => {
          if (this.gone || this.pending.get(link) !== attempt) return;
          ledger.violate(5, `attempt ${attempt} of client ${this.clientOf.get(link)} does not end`);
        });
        return;
      }
      case MessageType.MigrateConnectionAck:
        this.pending.delete(message.link);
        ledger.count(
          `${message.outcome}${message.outcome === 'rolledBack' ? `: ${message.reason}` : ''}`,
        );
        this.enter(message.link, message.outcome === 'committed' ? 'leaving' : 'open');
        return;
      case MessageType.CloseConnection:
        this.pending.delete(message.link);
        return;
    }
  }

  arrivedAtRelay(message: ControlMessage): void {
    if (message.type === MessageType.MigrateConnectionResponse) {
      if (this.pending.get(message.link) === message.attempt) this.enter(message.link, 'ready');
      else this.world.ledger.count('late answer of the origin');
    } else if (message.type === MessageType.ConnectionReleased) {
      const client = this.clientOf.get(message.link);
      if (client !== undefined && this.world.ledger.clients[client]!.phase === 'leaving') {
        this.enter(message.link, 'open');
      }
    }
  }

  ended(): void {
    this.gone = true;
  }

  private enter(link: number, phase: string) {
    const client = this.clientOf.get(link);
    if (client !== undefined) this.world.ledger.clients[client]!.phase = phase;
  }
}
