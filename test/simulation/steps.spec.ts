import { describe, expect, it } from 'vitest';
import { FULL_CASES } from './exhaustive/cases.js';
import { lose, runStep } from './exhaustive/step-run.js';
import type { Moment, Step } from './exhaustive/step-run.js';
import type { SmallCase, SmallWorld } from './exhaustive/small-world.js';

const caseOf = (name: string): SmallCase => FULL_CASES.find((it) => it.name === name)!;
const migration = caseOf('migration');
const reroute = caseOf('reroute');

const wire = ({ wires }: SmallWorld, name: string) => wires.find((it) => it.name === name)!;
const server = ({ servers }: SmallWorld, id: string) => servers.find((it) => it.serverId === id)!;

/** What can go wrong. */
interface Accident {
  name: string;
  happen(world: SmallWorld): void;
  /** Whether the client must keep its connection. */
  harmless: boolean;
}

const loss = (name: string, wireName: string): Accident => ({
  name: `${name} is lost`,
  happen: (world) => lose(wire(world, wireName)),
  harmless: true,
});

const death = (name: string, id: string, harmless: boolean): Accident => ({
  name: `${name} dies`,
  happen: (world) => {
    const dying = server(world, id);
    dying.die();
    for (const it of dying.wires) lose(it);
  },
  harmless,
});

const MIGRATION_STEPS: Step[] = [
  { message: 'MigrateConnectionRequest', from: 'relay', server: 'A' },
  { message: 'MigrateConnectionResponse', from: 'hub', server: 'A' },
  { message: 'OpenConnection', from: 'relay', server: 'B' },
  { message: 'OpenConnectionResponse', from: 'hub', server: 'B' },
  { message: 'MigrateConnectionAck', from: 'relay', server: 'A' },
  { message: 'ConnectionReleased', from: 'hub', server: 'A' },
  { message: 'CloseConnection', from: 'relay', server: 'A' },
];

const REROUTE_STEPS: Step[] = [
  { message: 'MigrateConnectionRequest', from: 'relay', server: 'A' },
  { message: 'MigrateConnectionResponse', from: 'hub', server: 'A' },
  { message: 'MigrateConnectionAck', from: 'relay', server: 'A' },
  { message: 'RebindConnectionResponse', from: 'hub', server: 'A' },
];

const MOMENTS: Moment[] = ['was sent', 'had arrived'];

const table = (steps: Step[], accidents: Accident[]) =>
  accidents.flatMap((accident) =>
    steps.flatMap((step) => MOMENTS.map((moment) => ({ ...step, step, moment, accident }))),
  );

function check(what: SmallCase, step: Step, moment: Moment, accident: Accident): SmallWorld {
  const lines: string[] = [];
  const world = runStep(what, step, moment, accident.happen, (line) => lines.push(line));
  if (!world) throw new Error(`${step.message} never ${moment}\n${lines.join('\n')}`);
  const { violations, clients } = world.ledger;
  const { closedByRelay } = clients[0]!;
  const faults = [...violations];
  if (accident.harmless && closedByRelay) faults.push(`closed: ${closedByRelay.reason}`);
  if (faults.length > 0) throw new Error([...faults, ...lines].join('\n'));
  return world;
}

describe('a migration', () => {
  it.each(
    table(MIGRATION_STEPS, [
      loss('the old service connection', 'A1'),
      loss('the service connection of the target', 'B1'),
      death('the old server', 'A', true),
      death('the target', 'B', false),
    ]),
  )('holds when $accident.name after $message $moment', ({ step, moment, accident }) => {
    const world = check(migration, step, moment, accident);
    if (!accident.harmless) return;
    const last = world.ledger.handled.at(-1)!;
    expect(world.ledger.connections[last.connection]!.serverId).toBe('B');
  });
});

describe('a reroute', () => {
  it.each(
    table(REROUTE_STEPS, [
      loss('the old service connection', 'A1'),
      loss('the new service connection', 'A2'),
      death('the server', 'A', true),
    ]),
  )('holds when $accident.name after $message $moment', ({ step, moment, accident }) => {
    check(reroute, step, moment, accident);
  });
});

describe('MigrateConnectionRequest', () => {
  it.each([
    { kind: 'migration', what: migration },
    { kind: 'reroute', what: reroute },
  ])('that is repeated in a $kind is answered once', ({ what }) => {
    const step: Step = { message: 'MigrateConnectionRequest', from: 'relay', server: 'A' };
    let answers = 0;
    const world = check(what, step, 'was sent', {
      name: 'it is repeated',
      harmless: true,
      happen: (it) => {
        it.tap.onArrival = (_, { type }) => {
          if (type === 0x41) answers++;
        };
        wire(it, 'A1').relay.repeat();
      },
    });
    expect(answers).toBe(1);
    expect(world.ledger.handled.length).toBeGreaterThan(1);
  });
});
