import type { Departure, MoveRequest } from '../../lib/protocol/hub-link-owner.js';
import type { SimulatedConnection } from './simulated-connection.js';
import { HOOK_LIMIT_MS } from './work-scenario.js';
import type { World } from './world.js';

/** What an application has to say about the moves of one connection: leases, levels, READY hooks. */
export class SimulatedDeparture {
  private holds = 0;

  constructor(
    private readonly world: World,
    private readonly connection: SimulatedConnection,
  ) {}

  get waitsFor(): string {
    return this.holds > 0 ? 'hold: something that must be finished here' : 'handlers';
  }

  /** At random times the connection may not move, or must wait. */
  start(): void {
    const { clock, random, scenario } = this.world;
    const { holds, notMigratable } = scenario.work;
    const sometime = (what: () => void) => clock.after(random.int(0, scenario.activeMs), what);
    if (random.chance(holds)) sometime(() => this.hold());
    if (random.chance(notMigratable)) sometime(() => this.keep());
  }

  /** The safe point is there: the application has the last word. */
  depart(move: MoveRequest, done: (departure: Departure) => void): void {
    const { connection, world } = this;
    const { clock, ledger, random, scenario } = world;
    const { hookCancels, hookDelays, hookHangs, hookRetargets } = scenario.work;
    if (this.holds > 0) {
      ledger.violate(4, `connection ${connection.side.key} leaves though it is held`);
    }
    let delay = 0;
    if (random.chance(hookHangs)) {
      ledger.count('READY hook hangs');
      delay = HOOK_LIMIT_MS;
    } else if (random.chance(hookDelays)) {
      ledger.count('READY hook takes its time');
      delay = random.int(1, 60);
    }
    const decide = () => {
      if (connection.server.dead) return;
      if (connection.link.moveState !== 'ready') ledger.count('READY hook ends in vain');
      connection.trace(`has the last word in attempt ${move.attempt}`);
      if (!connection.state.migratable) {
        ledger.count('departure refused: notMigratable');
        done({ refusal: 'notMigratable' });
      } else if (random.chance(hookCancels)) {
        ledger.count('READY hook cancels');
        done({ refusal: 'cancelled' });
      } else {
        const retargets = random.chance(hookRetargets);
        if (retargets) ledger.count('READY hook retargets');
        ledger.clients[connection.side.client]!.departed = true;
        const context = connection.state.leave();
        done({
          ...(context && { context }),
          ...(retargets && { to: world.anyServer() }),
        });
      }
    };
    if (delay === 0) decide();
    else clock.after(delay, decide);
  }

  private hold() {
    const { clock, ledger, random } = this.world;
    const { connection } = this;
    if (connection.over) return;
    ledger.count('connection held');
    this.holds++;
    connection.link.hold();
    if (random.chance(0.5)) connection.link.progressChanged();
    clock.after(random.int(20, 500), () => {
      this.holds--;
      if (connection.over) return;
      connection.link.unhold();
      connection.link.progressChanged();
    });
  }

  private keep() {
    const { clock, ledger, random } = this.world;
    const { connection } = this;
    if (connection.over) return;
    ledger.count('not migratable');
    connection.side.wasKept = true;
    connection.state.migratable = false;
    clock.after(random.int(20, 1000), () => {
      if (!connection.over) connection.state.migratable = true;
    });
  }
}
