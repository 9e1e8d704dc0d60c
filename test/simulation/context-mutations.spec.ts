import { afterEach, describe, expect, it } from 'vitest';
import { CheckpointQueue } from '../../lib/protocol/checkpoint-queue.js';
import { HubLink } from '../../lib/protocol/hub-link.js';
import { HubMove } from '../../lib/protocol/hub-move.js';
import { RelayContext } from '../../lib/protocol/relay-context.js';
import { RelayMigration } from '../../lib/protocol/relay-migration.js';
import { ClientConnection } from '../../lib/relay/client-connection.js';
import { HubServers } from '../../lib/relay/hub-servers.js';
import { MigrationRequests } from '../../lib/relay/migration-requests.js';
import { MAX_SCHEDULES, expectFound, findings } from './findings.js';
import { every, mutate, nothing } from './mutate.js';
import { SeededRandom } from './random.js';
import { asRollout } from './rollout-scenario.js';
import type { Scenario } from './scenario.js';
import { SimulatedConnection } from './simulated-connection.js';
import { SimulatedWork } from './simulated-work.js';

let restore: (() => void) | undefined;
afterEach(() => restore?.());

/** Applications that work for long and have a state, on servers that are replaced. */
const busy = (scenario: Scenario): Scenario => ({
  ...scenario,
  isRollout: false,
  ack: 'handled',
  messagesPerClient: 20,
  requests: 8,
  work: {
    ...scenario.work,
    hasState: true,
    holdsAcks: true,
    requests: 0.6,
    batches: 0.7,
    maxResults: 20,
    maxResultMs: 30,
    checkpoints: 0.5,
    suspends: true,
    attentions: 0.2,
  },
});

const crashing = (scenario: Scenario): Scenario => ({
  ...busy(scenario),
  servers: 3,
  serverDies: 1,
  level: 'any',
});

describe('the checker of contexts and requests', () => {
  it('finds nothing in the core as it is', () => {
    expect(findings(40, busy)).toEqual([]);
    expect(findings(40, crashing)).toEqual([]);
  });

  it('finds an acknowledgement before the checkpoint that has the effects', () => {
    restore = mutate(SimulatedConnection.prototype, 'messageHandled', () => (self, number) => {
      (self as SimulatedConnection).link.acknowledge(number as number);
    });
    expectFound(1, crashing);
  });

  it('finds a checkpoint that is not sent again on the next service connection', () => {
    restore = mutate(HubLink.prototype as never, 'repeat', (original) => (self, ...args) => {
      (self as { saved: unknown }).saved = undefined;
      return original(self, ...args);
    });
    expectFound(1, (scenario) => ({ ...crashing(scenario), cutSession: 1 }));
  });

  it('finds a checkpoint that overtakes what was sent before it', () => {
    restore = mutate(CheckpointQueue.prototype, 'take', (original) => (self) => {
      return original(self, Infinity);
    });
    const hubLimits = { retainedBytes: 200, retainedMessages: 1 };
    expectFound(2, (scenario) => ({ ...crashing(scenario), hubLimits, maxTakeDelay: 60 }));
  });

  it('finds a takeover with a stale context', () => {
    const lucky = every(2);
    restore = mutate(RelayContext.prototype, 'save', (original) => (self, ...args) => {
      return lucky() && original(self, ...args);
    });
    expectFound(1, crashing);
  });

  it('finds a move without what the origin gave with READY', () => {
    restore = mutate(RelayContext.prototype, 'depart', nothing);
    expectFound(1, busy);
  });

  it('finds a context that is forgotten when the connection stays', () => {
    restore = mutate(RelayContext.prototype, 'stay', (original) => (self, ...args) => {
      original(self, ...args);
      (self as unknown as { keep(context: undefined): void }).keep(undefined);
    });
    expectFound(1, (scenario) => ({ ...crashing(scenario), refuse: 0.5 }));
  });

  it('finds a context that is not freed', () => {
    restore = mutate(RelayContext.prototype, 'dispose', nothing);
    expectFound(7, busy);
  });

  it('finds a suspended message that is acknowledged', () => {
    restore = mutate(HubLink.prototype, 'suspended', (original) => (self, number) => {
      (self as HubLink).acknowledge(number as number);
      original(self, number);
    });
    expect(findings(MAX_SCHEDULES, busy)).not.toEqual([]);
  });

  it('finds a move while a batch that was resumed is at work', () => {
    restore = mutate(HubLink.prototype, 'resumed', nothing);
    expect(findings(MAX_SCHEDULES, (it) => ({ ...busy(it), refuse: 0.5 }))).not.toEqual([]);
  });

  it('finds a batch that does not go on when the connection stays', () => {
    restore = mutate(SimulatedWork.prototype, 'resume', nothing);
    expectFound(2, (scenario) => ({ ...busy(scenario), refuse: 0.5 }));
  });

  it('finds an attention that is answered twice', () => {
    restore = mutate(SimulatedWork.prototype as never, 'cancel', (original) => (self, ...args) => {
      const { seq } = args[0] as { seq: number };
      (self as { connection: SimulatedConnection }).connection.send({
        request: seq,
        what: 'cancelled',
      });
      original(self, ...args);
    });
    expectFound(2, busy);
  });

  it('finds a cancel that is accepted after READY', () => {
    restore = mutate(RelayMigration.prototype, 'withdraw', () => (self) => {
      return (self as RelayMigration).rollBack('cancelled');
    });
    expectFound(4, busy);
  });

  it('finds a cancel that is accepted and forgotten', () => {
    restore = mutate(RelayMigration.prototype, 'withdraw', () => () => true);
    expectFound(4, busy);
  });

  it('finds a retarget that is not heeded', () => {
    restore = mutate(RelayMigration.prototype, 'replan', (original) => (self, plan) => {
      const { to } = (self as RelayMigration).plan;
      return original(self, { ...(plan as object), to });
    });
    expectFound(4, busy);
  });

  it('finds a request that waits without a limit', () => {
    restore = mutate(MigrationRequests.prototype as never, 'giveUp', nothing);
    expectFound(5, busy);
  });

  it('finds a hold that does not hold', () => {
    restore = mutate(HubLink.prototype, 'hold', nothing);
    expectFound(4, (it) => ({ ...busy(it), work: { ...busy(it).work, holds: 1 } }));
  });

  it('finds a takeover of what may not move', () => {
    restore = mutate(RelayContext.prototype, 'save', (original) => (self, saved) => {
      return original(self, { ...(saved as object), migratable: true });
    });
    expectFound(4, (it) => ({ ...crashing(it), work: { ...busy(it).work, notMigratable: 1 } }));
  });

  it('finds a state that does not follow', () => {
    restore = mutate(HubMove.prototype, 'stays', (original) => (self, ...args) => {
      original(self, ...args);
      (self as unknown as { become(state: string, reason: string): void }).become('migrating', '');
    });
    expectFound(4, busy);
  });

  it('finds a last word that is not waited for', () => {
    restore = mutate(ClientConnection.prototype, 'isLeaving', () => () => false);
    const lone = { serviceConnections: 1, cutSession: 1, loseAll: 1, rolls: [] };
    expectFound(2, (scenario) => ({ ...busy(scenario), ...lone, pushesPerConnection: 12 }));
  });

  it('finds clients that move to an old server in a rollout', () => {
    restore = mutate(HubServers.prototype, 'candidates', (original) => (self, ...args) => {
      return original(self, args[0], args[1]);
    });
    expectFound(4, (scenario) => asRollout(scenario, new SeededRandom(scenario.seed)));
  });
});
