import { checkState } from './context-oracle.js';
import { checkDelivered, judge } from './oracle.js';
import { checkAnswered } from './reply-oracle.js';
import { newScenario } from './scenario.js';
import type { Scenario } from './scenario.js';
import { World } from './world.js';

/** What came of one schedule. */
export interface ScheduleResult {
  seed: number;
  violations: string[];
  /** What happened, and how often. */
  occurred: ReadonlyMap<string, number>;
  events: number;
}

/** Longer than any deadline, handler and limit of a schedule together. */
const SETTLE_MS = 12_000;
const PROBE_MS = 8000;
/** Slow clients may still have a lot to take, for so many seconds at most. */
const MOST_SECONDS_TAKING = 100;

/** Clients that are left must be served: a message each way. */
function probe(world: World) {
  const { clients, clock, ledger, servers } = world;
  for (const { side } of clients) {
    const { index, opened, refused, left } = side;
    if (!opened && refused === undefined && !left) ledger.violate(4, `client ${index} still waits`);
  }
  const alive = clients.filter((client) => client.alive);
  const probes = alive.map((client) => ({ client, seq: client.sendMessage() }));
  for (const { connections, dead } of servers) {
    if (!dead) for (const connection of connections) connection.send();
  }
  clock.run(PROBE_MS);
  takeAll(world);
  for (const { client, seq } of probes) {
    const { index, received } = client.side;
    const handling = ledger.handled.find((it) => it.client === index && it.seq === seq);
    const answered =
      handling && received.some(({ connection }) => connection === handling.connection);
    if (!client.alive) continue;
    ledger.count('client kept');
    checkDelivered(world, client.side);
    checkAnswered(world, client.side);
    checkState(world, client.side);
    if (!answered) ledger.violate(4, `client ${index} is connected and not served`);
  }
}

/** Runs on as long as clients get something. */
function takeAll({ clients, clock }: World) {
  const taken = () => clients.reduce((sum, { side }) => sum + side.received.length, 0);
  let before = -1;
  for (let second = 0; second < MOST_SECONDS_TAKING && taken() > before; second++) {
    before = taken();
    clock.run(1000);
  }
}

function tearDown({ clients, clock, relay, servers }: World) {
  for (const client of clients) client.leave(false);
  clock.run(SETTLE_MS);
  for (const server of servers) server.stop();
  clock.run(1000);
  relay.endSessions();
  clock.run(3000);
}

/** Runs one schedule from its start until nothing is left of it. */
export function runScenario(scenario: Scenario, onTrace?: (line: string) => void): ScheduleResult {
  const world = new World(scenario, onTrace);
  const { clock, ledger } = world;
  try {
    clock.run(scenario.activeMs + SETTLE_MS);
    world.calmDown();
    probe(world);
    tearDown(world);
    judge(world);
  } catch (error) {
    ledger.violate(5, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const { occurred, violations } = ledger;
  return { seed: scenario.seed, violations, occurred, events: clock.events };
}

/** Runs the schedule of a seed. */
export function runSchedule(seed: number, onTrace?: (line: string) => void): ScheduleResult {
  return runScenario(newScenario(seed), onTrace);
}
