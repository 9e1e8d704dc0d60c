import { defineState } from '../../lib/gateway/state/state-definition.js';
import { decodeContext } from '../../lib/gateway/state/context-codec.js';
import type { PendingBatch } from '../../lib/gateway/state/context-codec.js';
import { PLAIN_MOVES } from '../../lib/hub/endpoint-moves.js';
import type { EndpointMoves, MoveLimits } from '../../lib/hub/endpoint-moves.js';
import { StateKeeper } from '../../lib/hub/state-keeper.js';
import { StoredContexts } from '../../lib/hub/stored-contexts.js';
import type { HubLink } from '../../lib/protocol/hub-link.js';
import type { ContextStorage } from '../../lib/storage/context-storage.js';
import { VirtualClock } from '../simulation/virtual-clock.js';

export class Counter {
  count = 0;
  text = '';
}

/** The state of a counter in a context, and whether the connection may move. */
export const readCount = async (context: Uint8Array | undefined) => {
  if (!context) return undefined;
  const { state, version } = decodeContext(context);
  return state && (await DEFINITION.decode(state, version!)).count;
};

export const DEFINITION = defineState({ state: Counter });

/** The keeper of one connection; the test is its link. */
export class KeeperFixture {
  readonly clock = new VirtualClock();
  /** What the link was told, in order: `ack 1`, or a checkpoint. */
  readonly said: (string | { context: Uint8Array | undefined; movable: boolean })[] = [];
  readonly faults: unknown[] = [];
  readonly log: string[] = [];
  readonly moves: EndpointMoves;
  readonly stored: StoredContexts | undefined;
  readonly connection = {
    connectionId: 'c1',
    movable: true,
    pending: [] as PendingBatch[],
    cancelled: [] as string[],
  };
  readonly link = {
    connectionId: 'c1',
    epoch: 1,
    isAtWork: false,
    acknowledge: (number: number) => void this.said.push(`ack ${number}`),
    checkpoint: (context: Uint8Array | undefined, movable: boolean) =>
      void this.said.push({ context, movable }),
  };
  readonly keeper: StateKeeper;

  constructor(limits: Partial<MoveLimits> = {}, storage?: ContextStorage, leaseMs = 3000) {
    this.stored =
      storage &&
      new StoredContexts(storage, leaseMs, this.clock, {
        log: (message) => void this.log.push(message),
        error: (message, error) => void this.log.push(`${message}: ${String(error)}`),
      });
    this.moves = {
      ...PLAIN_MOVES,
      definition: DEFINITION,
      limits: { ...PLAIN_MOVES.limits, ...limits },
      stored: this.stored,
      clock: this.clock,
      fault: (message, error) => void this.faults.push([message, error]),
    };
    this.keeper = new StateKeeper(this.connection, this.link as unknown as HubLink, this.moves);
  }

  get state(): Counter {
    return this.keeper.state as Counter;
  }

  /** A new client, whose state the relay has. */
  entered(): this {
    this.keeper.begin({ state: new Counter() });
    this.keeper.enter();
    this.take();
    this.clock.run(1000);
    return this;
  }

  /** What was said since this was last asked, with the counts of checkpoints. */
  async heard(): Promise<unknown[]> {
    return Promise.all(
      this.take().map(async (it) =>
        typeof it === 'string' ? it : [await readCount(it.context), it.movable],
      ),
    );
  }

  take() {
    return this.said.splice(0);
  }
}
