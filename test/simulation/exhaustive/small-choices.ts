import type { Choice } from './search.js';
import type { SmallConnection, SmallServer } from './small-server.js';
import type { SmallWorld } from './small-world.js';
import type { ProcessClock } from './step-clock.js';
import type { WireEnd } from './wire.js';

/** Everything that can happen in a small world now, in a fixed order. */
export class SmallChoices {
  readonly list: Choice[] = [];

  constructor(private readonly world: SmallWorld) {
    this.addWork();
    const work = this.list.length;
    this.addNews();
    const blind = this.list.length > work;
    this.addActs();
    if (work === 0) this.addTime(blind);
    this.addOptions();
    if (world.fault === undefined) this.addFaults();
  }

  private add(kind: Choice['kind'], name: string, action: () => void) {
    this.list.push({ name, kind, perform: () => this.world.perform(name, action) });
  }

  /** What processes have to do. */
  private addWork() {
    const { client, relayClock, servers, wires } = this.world;
    this.addFlush('the relay', relayClock);
    for (const { name, relay } of wires) {
      if (relay.hasArrivals) this.add('step', `relay reads ${name}`, () => relay.arrive());
    }
    for (const server of servers) if (!server.clock.stopped) this.addServer(server);
    this.addTimer('the relay', relayClock);
    if (client.side.closedByRelay && !client.side.gone) {
      this.add('step', 'the client answers the close', () => client.answerClose());
    }
    // A batch goes on when nothing else is to be done: it is long work.
    for (const server of servers) if (!server.clock.stopped) this.addHandlers(server, true);
  }

  private addServer(server: SmallServer) {
    const { clock, connections, offline, serverId, undialled, wires } = server;
    this.addFlush(serverId, clock);
    for (const { name, hub } of wires) {
      if (hub.hasArrivals) this.add('step', `${serverId} reads ${name}`, () => hub.arrive());
    }
    for (const connection of connections) this.addAnswer(connection);
    this.addHandlers(server, false);
    this.addTimer(serverId, clock);
    if (undialled === 0 || offline) return;
    this.add('step', `${serverId} dials`, () => {
      server.undialled--;
      this.world.dial(server);
    });
  }

  private addAnswer(connection: SmallConnection) {
    const { answered, over, server } = connection;
    if (answered || over) return;
    this.add('step', `${server.serverId} accepts`, () => connection.accept());
  }

  private addHandlers({ connections, serverId }: SmallServer, ofBatches: boolean) {
    for (const connection of connections) {
      for (const [at, { results, seq }] of connection.running.entries()) {
        if (results > 0 !== ofBatches) continue;
        const name = `${serverId} has ${ofBatches ? 'worked on' : 'handled'} ${seq}`;
        this.add('step', name, () => connection.handled(at));
      }
    }
  }

  private addFlush(name: string, clock: ProcessClock) {
    if (clock.stopped || !clock.hasDeferred) return;
    this.add('step', `${name} ends its turn`, () => clock.endTurn());
  }

  private addTimer(name: string, clock: ProcessClock) {
    const due = clock.stopped ? undefined : clock.due();
    if (due) this.add('step', `a timer of ${name}`, () => clock.fire(due));
  }

  /** What reaches its end at whatever time; time may pass before. */
  private addNews() {
    const { frozen, wires } = this.world;
    for (const wire of wires) {
      if (wire.broken) for (const end of [wire.relay, wire.hub]) this.addLoss(end);
    }
    if (!frozen) return;
    const heard = frozen.wires.filter(({ relay }) => !relay.ended);
    if (heard.length > 0) {
      this.add('step', `the relay hears nothing from ${frozen.serverId}`, () => {
        for (const { relay } of heard) relay.timeOut('nothing heard');
      });
    } else {
      this.add('step', `${frozen.serverId} goes on`, () => this.world.thaw());
    }
  }

  private addLoss(end: WireEnd) {
    if (end.ended || end.clock.stopped) return;
    const name = `${end.atRelay ? 'relay' : 'hub'} learns of the loss of ${end.wire.name}`;
    this.add('step', name, () => end.end(1006, 'cut'));
  }

  private addActs() {
    const { world } = this;
    const { client, what } = world;
    if (client.alive && client.side.sent < what.messages) {
      this.add('act', 'the client sends', () => void client.sendMessage());
    }
    if (!world.operated) {
      this.add('act', what.operation.name, () => {
        world.operated = true;
        what.operation.perform(world);
      });
    }
    if (world.pushesLeft === 0) return;
    for (const connection of world.active()) {
      this.add('act', `${connection.server.serverId} pushes`, () => {
        world.pushesLeft--;
        connection.send();
      });
    }
  }

  private addTime(blind: boolean) {
    const { clock } = this.world;
    const next = clock.next();
    if (!next) return;
    const { at } = next;
    this.add('step', 'time passes', () => {
      clock.time = at;
      this.world.waitedBlindly ||= blind;
    });
  }

  private addOptions() {
    const { world } = this;
    const { client } = world;
    if (world.mayClose === 'client' && client.alive) {
      this.add('option', 'the client leaves', () => {
        world.mayClose = 'nobody';
        client.leave();
      });
    }
    if (world.mayClose !== 'application') return;
    for (const connection of world.active()) {
      this.add('option', `${connection.server.serverId} closes the client`, () => {
        world.mayClose = 'nobody';
        connection.close();
      });
    }
  }

  private addFaults() {
    const { world } = this;
    for (const kind of world.what.faults) {
      for (const { name, detail = '', perform } of kind(world)) {
        this.add('option', `FAULT: ${name} ${detail}`, () => {
          world.fault = name;
          perform();
        });
      }
    }
  }
}
