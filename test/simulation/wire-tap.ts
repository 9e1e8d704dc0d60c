import { MessageType } from '../../lib/protocol/messages.js';
import type { ControlMessage, MigrateConnectionAck, Payload } from '../../lib/protocol/messages.js';
import type { ClientSide } from './ledger.js';
import type { Asked, Moment } from './request-oracle.js';
import type { SimulatedServer } from './simulated-server.js';
import type { World } from './world.js';

/** Reads along on one service connection: in which phase a client is, and whether requests end. */
export class WireTap {
  private readonly clientOf = new Map<number, ClientSide>();
  /** Epochs of connections that are being opened. */
  private readonly epochs = new Map<number, number>();
  /** From which server a connection that is being opened is taken over. */
  private readonly takeovers = new Map<number, string>();
  /** With which context a connection is opened on another server. */
  private readonly contexts = new Map<number, Uint8Array | undefined>();
  /** Links whose server has to say its last word. */
  private readonly leaving = new Set<number>();
  private readonly commands = new Map<number, { asked: Asked; moment: Moment }>();
  private gone = false;

  constructor(
    private readonly world: World,
    private readonly server: SimulatedServer,
  ) {}

  sentByRelay(message: ControlMessage): void {
    const { ledger } = this.world;
    switch (message.type) {
      case MessageType.OpenConnection: {
        const { connectionId, epoch, link, migration, request } = message;
        this.epochs.set(link, epoch);
        const index = Number(request.url.split('=')[1]);
        const client = ledger.clients[index]!;
        this.world.clientOf.set(connectionId, index);
        this.clientOf.set(link, client);
        client.opening = epoch;
        if (migration) {
          this.world.contexts.opening(client, message);
          this.world.requests.opening(client, message, this.server);
          this.contexts.set(link, message.context);
        }
        if (migration?.reason !== 'crash') return;
        this.world.takenOver(index, migration.server);
        this.takeovers.set(link, migration.server);
        this.enter(link, 'taken over');
        return;
      }
      case MessageType.RebindConnection: {
        const client = ledger.clients[this.world.clientOf.get(message.connectionId)!]!;
        ledger.count('rebinding tried');
        this.awaitGoingOn(client);
        this.clientOf.set(message.link, client);
        return;
      }
      case MessageType.MigrateConnectionRequest: {
        const { link, attempt, deadlineMs, kind } = message;
        const reroute = kind === 'reroute';
        ledger.count(reroute ? 'reroute asked for' : 'migration asked for');
        this.enter(link, reroute ? 'rerouting' : 'requested');
        this.watch(link, attempt, deadlineMs);
        if (!reroute) this.world.requests.asked(this.clientOf.get(link)!, message);
        return;
      }
      case MessageType.MigrateConnectionAck:
        this.attemptEnded(message);
        return;
      case MessageType.CloseConnection: {
        const client = this.clientOf.get(message.link);
        if (client) this.world.attempts.delete(client.index);
        if (message.migration) this.clientOf.delete(message.link);
        return;
      }
      case MessageType.MigrationAnswer: {
        const { asked, moment } = this.commands.get(message.request)!;
        this.commands.delete(message.request);
        this.world.requests.answered(asked, message, moment);
        return;
      }
      case MessageType.SkipMessages:
        ledger.count('messages skipped');
        return;
      case MessageType.ConnectionsGone:
        for (const { server } of message.connections) {
          ledger.count(server ? 'gone: elsewhere' : 'gone: ended');
        }
        return;
    }
  }

  /** What was acknowledged to the relay must not be handed to a server again. */
  dataSentByRelay(data: Payload): void {
    const [client, seq] = data.toString().split('|').map(Number);
    const { ledger } = this.world;
    if (!ledger.clients[client!]?.acknowledged.has(seq!)) return;
    ledger.violate(1, `message ${client}|${seq} was acknowledged and is sent again`);
  }

  ackArrivedAtRelay(link: number, count: number, ranges: readonly number[]): void {
    const client = this.clientOf.get(link);
    if (client && this.isHeard(client)) this.acknowledge(client, count, ranges);
  }

  /**
   * Whether the relay listens: not to one that does not have the client, and not to one whose client
   * it has asked to go on elsewhere.
   */
  private isHeard({ home, asked }: ClientSide): boolean {
    return home === this && (asked === undefined || asked === this);
  }

  private acknowledge({ acknowledged }: ClientSide, count: number, ranges: readonly number[]) {
    for (let seq = count; seq > 0; seq--) acknowledged.add(seq);
    for (let i = 0; i < ranges.length; i += 2) {
      for (let seq = ranges[i]!; seq <= ranges[i + 1]!; seq++) acknowledged.add(seq);
    }
  }

  arrivedAtRelay(message: ControlMessage): void {
    const { ledger } = this.world;
    switch (message.type) {
      case MessageType.OpenConnectionResponse: {
        const client = this.clientOf.get(message.link);
        const epoch = this.epochs.get(message.link);
        if (!client || !message.accepted) return;
        if (client.opening !== epoch) {
          ledger.count('late answer of a target');
          return;
        }
        client.opening = undefined;
        client.home = this;
        client.asked = undefined;
        this.world.contexts.moved(client, this.contexts.get(message.link));
        const side = ledger.connections.find(
          (it) => it.client === client.index && it.epoch === epoch,
        );
        if (side) side.held = true;
        const from = this.takeovers.get(message.link);
        if (from === undefined) return;
        this.world.replaced(client.index, from);
        client.phase = 'open';
        return;
      }
      case MessageType.RebindConnectionResponse:
        ledger.count(message.accepted ? 'rebound' : 'rebinding refused');
        if (message.accepted) this.settle(message.link);
        return;
      case MessageType.ReclaimConnections:
        ledger.count('reclaimed');
        for (const { connectionId, epoch } of message.connections) {
          const client = ledger.clients[this.world.clientOf.get(connectionId)!];
          // The server has lost the service connection on which it was asked to take the client.
          if (client?.opening === epoch) client.opening = undefined;
        }
        return;
      case MessageType.MigrationCommand: {
        const moment = this.world.requests.moment(message);
        this.commands.set(message.request, { asked: message, moment });
        return;
      }
      case MessageType.MigrateConnectionProgress: {
        const client = this.clientOf.get(message.link);
        ledger.count(`progress: ${message.state}`);
        if (client && this.world.attempts.get(client.index) === message.attempt) {
          client.announced = message.state === 'ready';
        }
        return;
      }
      case MessageType.Checkpoint: {
        const client = this.clientOf.get(message.link);
        if (client) this.world.contexts.checkpointArrived(client, message, this.isHeard(client));
        return;
      }
      case MessageType.MigrateConnectionResponse: {
        const client = this.clientOf.get(message.link);
        const isAwaited =
          client !== undefined &&
          (client.asked === undefined || client.asked === this) &&
          this.world.attempts.get(client.index) === message.attempt;
        if (isAwaited) {
          client.announced = false;
          if (!message.ready) {
            client.phase = 'open';
            this.world.attempts.delete(client.index);
          } else if (client.phase !== 'rerouting') {
            client.phase = 'ready';
            this.acknowledge(client, message.handled, []);
            this.world.contexts.originReady(client, message);
            this.world.requests.originReady(client, message);
          }
        } else ledger.count('late answer of the origin');
        return;
      }
      case MessageType.ConnectionReleased:
        this.released(message.link);
        return;
    }
  }

  ended(): void {
    if (this.gone) return;
    this.gone = true;
    for (const client of this.clientOf.values()) {
      if (client.home !== this && client.asked !== this) continue;
      client.announced = false;
      client.phase = 'detached';
    }
  }

  /** An attempt ends in time, unless its service connection does. */
  private watch(link: number, attempt: number, deadlineMs: number) {
    const { attempts, clock, ledger, scenario } = this.world;
    const client = this.clientOf.get(link)!;
    const { index } = client;
    const limit = deadlineMs + scenario.stepMs + 2;
    attempts.set(index, attempt);
    client.attemptUntil = clock.now() + limit;
    clock.after(limit, () => {
      if (this.gone || attempts.get(index) !== attempt) return;
      if (clock.now() < client.attemptUntil!) return;
      ledger.violate(5, `attempt ${attempt} of client ${index} does not end`);
    });
  }

  private attemptEnded(message: MigrateConnectionAck) {
    const { clientOf, ledger, attempts } = this.world;
    const { connectionId, link, outcome, reason } = message;
    ledger.count(`${outcome}${outcome === 'rolledBack' ? `: ${reason}` : ''}`);
    if (connectionId !== undefined) {
      const client = ledger.clients[clientOf.get(connectionId)!]!;
      // To a server that was left, it is about its last word only.
      if (client.phase === 'rerouting') this.awaitGoingOn(client);
      this.clientOf.set(link, client);
      ledger.count(client.phase === 'rerouting' ? 'rerouted' : 'last word asked for again');
    }
    const client = this.clientOf.get(link);
    if (!client) return;
    attempts.delete(client.index);
    client.announced = false;
    if (outcome === 'committed' && connectionId === undefined) {
      client.leftAt = this.world.clock.now();
      this.world.requests.committed(client, message.attempt);
      this.awaitLastWord(client, link);
    }
    if (connectionId === undefined) client.phase = outcome === 'committed' ? 'leaving' : 'open';
  }

  /** A server that says nothing for a step is taken for gone. */
  private awaitGoingOn(client: ClientSide) {
    const { clock, scenario } = this.world;
    // Nor does the relay listen where it has asked here before.
    for (const [link, it] of this.clientOf) if (it === client) this.clientOf.delete(link);
    client.asked = this;
    client.announced = false;
    clock.after(scenario.stepMs, () => {
      if (client.asked === this && client.phase === 'rerouting') client.phase = 'detached';
    });
  }

  /** The relay waits for it no longer than a step, whatever has become of the service connection. */
  private awaitLastWord({ index }: ClientSide, link: number) {
    const { clock, scenario } = this.world;
    this.leaving.add(link);
    clock.after(scenario.stepMs, () => {
      if (!this.leaving.has(link) || !this.server.isSuspect()) return;
      this.world.cutShort(index, this.server.serverId);
    });
  }

  private released(link: number) {
    this.leaving.delete(link);
    const client = this.clientOf.get(link);
    if (client?.phase === 'leaving') client.phase = 'open';
  }

  private settle(link: number) {
    const client = this.clientOf.get(link);
    if (client?.asked !== this) return;
    client.phase = 'open';
    client.home = this;
    client.asked = undefined;
  }

  private enter(link: number, phase: string) {
    const client = this.clientOf.get(link);
    if (client) client.phase = phase;
  }
}
