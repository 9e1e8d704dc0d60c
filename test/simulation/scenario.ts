import type { AckMode } from '../../lib/protocol/hub-link.js';
import type { MigrationLevel } from '../../lib/protocol/messages.js';
import { SeededRandom } from './random.js';
import { asRollout } from './rollout-scenario.js';
import type { Reload } from './simulated-ingresses.js';
import { isCalmWork, newWork } from './work-scenario.js';
import type { WorkScenario } from './work-scenario.js';

/** A server is taken out: drained, and replaced before, after or never. */
export interface Roll {
  at: number;
  deadlineMs: number;
  replacement: 'before' | 'after' | 'never';
  /** Stops waiting for FINACK after this time. */
  stopFinMs: number | undefined;
  /** Version of the replacement. */
  version: string;
}

/** How one schedule is made up. Probabilities are 0 in schedules that do not have the fault. */
export interface Scenario {
  seed: number;
  servers: number;
  serviceConnections: number;
  clients: number;
  ack: AckMode;
  /** Whether frames are encoded and decoded, or handed over as objects. */
  codec: boolean;
  /** Whether a service connection reports its own close at once, and hears nothing from then on. */
  closesAtOnce: boolean;
  /** Largest delay of a batch on a service connection. */
  maxDelay: number;
  maxClientDelay: number;
  /** Largest time until a socket has taken a message. */
  maxTakeDelay: number;
  /** How long there is traffic. */
  activeMs: number;
  messagesPerClient: number;
  pushesPerConnection: number;
  /** When handlers get a message: as it arrives, some time later, or after the one before is done. */
  dispatch: 'now' | 'later' | 'serial';
  maxHandlerMs: number;
  rolls: Roll[];
  /** Whether all servers are replaced by newer ones, and nothing else moves a client. */
  isRollout: boolean;
  relayLimits: { retainedBytes: number; retainedMessages: number; retainedTotalBytes: number };
  hubLimits: { retainedBytes: number; retainedMessages: number };
  stepMs: number;
  migrationsPerSecond: number;
  overrun: number;
  refuse: number;
  silent: number;
  targetDies: number;
  serverDies: number;
  cutSession: number;
  /** One end of a service connection learns of its loss much later than the other. */
  halfOpen: number;
  stallSession: number;
  /** All service connections of a server fail, and it returns within the grace, or too late. */
  loseAll: number;
  freeze: number;
  graceMs: number;
  level: MigrationLevel;
  loseFinAck: number;
  clientLeaves: number;
  serverCloses: number;
  /** Ingress instances in front of the relay; 0: none is known. */
  ingresses: number;
  lastIngress: 'refuse' | 'wait';
  /** Part of the clients that come through an ingress that is known. */
  clientsThroughIngress: number;
  reloads: Reload[];
  work: WorkScenario;
  /** Requests to move a connection, or to let it stay. */
  requests: number;
  /** Time that they have when they do not say it. */
  requestMs: number;
}

/** Whether nothing happens for which a client could lose its connection. */
export const isCalm = (s: Scenario): boolean =>
  s.overrun + s.refuse + s.silent + s.targetDies + s.serverDies + s.freeze + s.halfOpen === 0 &&
  s.stallSession === 0 &&
  isCalmWork(s.work) &&
  (s.cutSession + s.loseAll === 0 || s.rolls.length === 0) &&
  (s.rolls.length === 0 || s.reloads.every(({ cutAfterMs }) => cutAfterMs === undefined)) &&
  s.rolls.every(
    ({ replacement, deadlineMs, stopFinMs }) =>
      replacement !== 'never' && deadlineMs >= 2000 && stopFinMs === undefined,
  );

function newReloads(random: SeededRandom, ingresses: number, activeMs: number): Reload[] {
  const reloads: Reload[] = [];
  const sometimes = (probability: number, max: number) =>
    random.chance(probability) ? random.int(0, max) : undefined;
  for (let i = ingresses === 0 ? 0 : random.int(ingresses - 1, 4); i > 0; i--) {
    const announced = random.chance(0.8);
    reloads.push({
      at: random.int(20, activeMs),
      // Now and then one through which nothing comes.
      ingress: random.chance(0.05) ? ingresses : random.int(0, ingresses - 1),
      announced,
      deadlineMs: random.pick([0, 30, 150, 400, 1000]),
      cutAfterMs: announced ? sometimes(0.5, 1200) : 0,
      againAfterMs: sometimes(0.2, 400),
      cancelAfterMs: sometimes(0.1, 400),
    });
  }
  return reloads;
}

export function newScenario(seed: number): Scenario {
  const random = new SeededRandom(seed);
  const activeMs = random.int(300, 1500);
  const faulty = random.chance(0.8);
  const fault = (share: number, probability: number) =>
    faulty && random.chance(share) ? probability : 0;
  const tight = random.chance(0.4);
  const rolls: Roll[] = [];
  const many = random.chance(0.25) ? 0 : random.int(1, 3);
  for (let at = random.int(20, 300), i = many; i > 0; i--, at += random.int(50, 900)) {
    const calmReplacement = random.chance(0.7) ? 'before' : 'after';
    rolls.push({
      at,
      deadlineMs: faulty && random.chance(0.4) ? random.int(0, 600) : random.int(2000, 4000),
      replacement: faulty && random.chance(0.2) ? 'never' : calmReplacement,
      stopFinMs: random.chance(0.1) ? random.int(0, 300) : undefined,
      version: random.pick(['1', '2']),
    });
  }
  const ack = random.chance(0.7) ? 'handled' : 'received';
  const scenario: Scenario = {
    seed,
    servers: random.int(1, 3),
    serviceConnections: random.int(1, 3),
    clients: random.int(1, 6),
    ack,
    codec: random.chance(0.5),
    closesAtOnce: random.chance(0.5),
    maxDelay: random.pick([0, 3, 10, 40]),
    maxClientDelay: random.pick([0, 5, 30]),
    maxTakeDelay: random.pick([0, 2, 20, 60]),
    activeMs,
    messagesPerClient: random.int(0, 24),
    pushesPerConnection: random.int(0, 12),
    dispatch: random.pick(['now', 'now', 'later', 'serial']),
    maxHandlerMs: random.pick([0, 5, 30, 80]),
    rolls,
    isRollout: false,
    relayLimits: tight
      ? { retainedBytes: 200, retainedMessages: random.int(1, 6), retainedTotalBytes: 500 }
      : { retainedBytes: 1 << 20, retainedMessages: 1000, retainedTotalBytes: 1 << 28 },
    hubLimits: tight
      ? { retainedBytes: 200, retainedMessages: random.int(1, 6) }
      : { retainedBytes: 1 << 20, retainedMessages: 1000 },
    stepMs: random.pick([150, 300]),
    migrationsPerSecond: random.pick([20, 500]),
    overrun: fault(0.3, 0.05),
    refuse: fault(0.4, 0.4),
    silent: fault(0.25, 0.3),
    targetDies: fault(0.25, 0.3),
    serverDies: fault(0.15, 0.5),
    cutSession: fault(0.25, 0.7),
    stallSession: fault(0.1, 0.5),
    halfOpen: fault(0.25, 0.7),
    loseAll: fault(0.2, 0.8),
    freeze: fault(0.15, 0.8),
    graceMs: random.pick([400, 700]),
    level: random.chance(0.1) ? 'shutdownOnly' : 'any',
    loseFinAck: fault(0.4, 0.4),
    clientLeaves: random.chance(0.5) ? 0.5 : 0,
    serverCloses: random.chance(0.4) ? 0.03 : 0,
    ...newIngresses(random, activeMs),
    work: newWork(random, ack, faulty),
    requests: random.chance(0.5) ? random.int(1, 8) : 0,
    requestMs: random.pick([200, 1000]),
  };
  return random.chance(0.08) ? asRollout(scenario, random) : scenario;
}

function newIngresses(random: SeededRandom, activeMs: number) {
  const ingresses = random.chance(0.6) ? random.int(1, 3) : 0;
  return {
    ingresses,
    lastIngress: random.chance(0.5) ? ('refuse' as const) : ('wait' as const),
    clientsThroughIngress: random.chance(0.3) ? 0.5 : 0,
    reloads: newReloads(random, ingresses, activeMs),
  };
}
