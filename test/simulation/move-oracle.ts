import type { MoveChange } from '../../lib/protocol/hub-link-owner.js';
import type { MigrationState } from '../../lib/protocol/messages.js';
import type { World } from './world.js';

/** Where a connection may go from each state, as its hub server sees it. */
const NEXT: Readonly<Record<MigrationState, readonly MigrationState[]>> = {
  none: ['requested'],
  requested: ['requested', 'ready', 'cancelled', 'failed'],
  ready: ['migrating', 'cancelled', 'failed'],
  migrating: ['failed', 'cancelled'],
  cancelled: ['requested'],
  failed: ['requested'],
};

/** The states of one connection's moves at one hub server. */
export class MoveOracle {
  private state: MigrationState = 'none';
  private attempt = 0;

  constructor(
    private readonly world: World,
    private readonly serverId: string,
  ) {}

  changed({ attempt, reason, state }: MoveChange): void {
    const { ledger } = this.world;
    ledger.count(`state ${this.state} to ${state}`);
    if (!NEXT[this.state].includes(state)) {
      this.violate(`${state} (${reason}) after ${this.state} in attempt ${attempt}`);
    }
    const isNew = state === 'requested' && this.state !== 'requested';
    if (isNew ? attempt <= this.attempt : attempt !== this.attempt) {
      this.violate(`${state} in attempt ${attempt} after attempt ${this.attempt}`);
    }
    this.state = state;
    this.attempt = attempt;
  }

  private violate(what: string) {
    this.world.ledger.violate(4, `a connection at ${this.serverId} is ${what}`);
  }
}
