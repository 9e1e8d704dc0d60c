import type { Answered, Asked } from './request-oracle.js';
import type { SimulatedClient } from './simulated-client.js';
import type { SimulatedServer } from './simulated-server.js';
import type { World } from './world.js';

/** A command is answered within this time, or that there is no answer. */
const ANSWER_MS = 5000;

/** Operators and applications that ask for migrations, at random times and from anywhere. */
export class SimulatedRequests {
  constructor(private readonly world: World) {}

  plan(): void {
    const { clock, random, scenario } = this.world;
    for (let i = 0; i < scenario.requests; i++) {
      clock.after(random.int(50, scenario.activeMs), () => this.command());
    }
  }

  private command() {
    const { clients, clock, random } = this.world;
    const client = random.pick(clients);
    const { connectionId } = client;
    if (connectionId === undefined) return;
    const asked = this.choose(random.chance(0.05) ? 'nobody' : connectionId);
    const way = random.int(0, 2);
    if (way === 0) this.askRelay(asked);
    else this.askServer(way === 1 ? this.serverOf(client) : this.anyServer(), asked);
    // It is often taken back or changed soon after.
    if (asked.action !== 'request' || !random.chance(0.6)) return;
    clock.after(random.int(0, 60), () => {
      const again = this.choose(connectionId, random.chance(0.7) ? 'cancel' : 'request');
      if (random.chance(0.5)) this.askRelay(again);
      else this.askServer(this.serverOf(client), again);
    });
  }

  private choose(connectionId: string, action?: Asked['action']): Asked {
    const { random, scenario } = this.world;
    const chosen = action ?? random.pick(['request', 'request', 'request', 'cancel', 'state']);
    if (chosen !== 'request') return { action: chosen, connectionId };
    return {
      action: chosen,
      connectionId,
      ...(random.chance(0.5) && { to: this.world.anyServer() }),
      ...(random.chance(0.5) && { deadlineMs: random.int(0, scenario.requestMs) }),
    };
  }

  private askRelay(asked: Asked) {
    const { ledger, relay, requests } = this.world;
    const moment = requests.moment(asked);
    ledger.trace(() => `the relay is asked to ${asked.action} ${asked.connectionId}`);
    const { action, connectionId, ...options } = asked;
    const { migrations } = relay;
    let answer: Answered;
    if (action === 'request') answer = migrations.request(connectionId, options);
    else if (action === 'cancel') answer = migrations.cancel(connectionId);
    else answer = migrations.state(connectionId);
    requests.answered(asked, answer, moment);
  }

  private askServer(server: SimulatedServer | undefined, asked: Asked) {
    if (!server) return;
    const { clock, ledger } = this.world;
    const { action, connectionId, ...options } = asked;
    ledger.trace(() => `${server.serverId} asks to ${action} ${connectionId}`);
    let answers = 0;
    server.core.command(connectionId, { action, ...options }, ({ result }) => {
      ledger.count(`command answered: ${result}`);
      if (++answers > 1) ledger.violate(5, `a command of ${server.serverId} is answered again`);
    });
    clock.after(ANSWER_MS + 1, () => {
      if (answers === 0 && !server.dead) {
        ledger.violate(5, `a command of ${server.serverId} is never answered`);
      }
    });
  }

  private serverOf({ side }: SimulatedClient): SimulatedServer | undefined {
    return this.world.servers.find(
      ({ connections, dead }) =>
        !dead && connections.some((it) => it.side.client === side.index && !it.over),
    );
  }

  private anyServer(): SimulatedServer | undefined {
    const alive = this.world.servers.filter(({ dead, state }) => !dead && state !== 'stopped');
    return alive.length > 0 ? this.world.random.pick(alive) : undefined;
  }
}
