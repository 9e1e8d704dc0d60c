import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InProcessFixture } from '../../test/support/in-process-fixture.js';
import type {
  InProcessHub,
  InProcessServiceConnection,
} from '../../test/support/in-process-fixture.js';

const ROUNDS = 50;
const CLIENTS = 4;

type Calm = { say: number } | { send: number } | { busy: number } | { finish: number } | 'run';
/** The service connection 0 or 1 stands still until the next of these, or is cut and dialled again. */
type Fault = { stall: number } | 'resume' | { cut: number };
type Action = Calm | Fault;

const client = fc.nat(CLIENTS - 1);
const calm: fc.Arbitrary<Action>[] = [
  fc.record({ say: client }),
  fc.record({ send: client }),
  fc.record({ busy: client }),
  fc.record({ finish: client }),
  fc.constant('run' as const),
];
const faults: fc.Arbitrary<Action>[] = [
  fc.record({ stall: fc.nat(1) }),
  fc.constant('resume' as const),
  fc.record({ cut: fc.nat(1) }),
];

/** What happens between one reroute of all links and the next. */
const rounds = (actions: fc.Arbitrary<Action>[]) =>
  fc.array(fc.array(fc.oneof(...actions), { maxLength: 8 }), {
    minLength: ROUNDS,
    maxLength: ROUNDS,
  });

/** Clients whose links go back and forth between two service connections. */
class BackAndForth {
  readonly t = new InProcessFixture({ retainedMessages: 20, stepMs: 1000 });
  readonly hub: InProcessHub;
  private readonly clients;
  private readonly connections: InProcessServiceConnection[];
  private readonly said: string[][];
  private readonly sent: string[][];

  constructor() {
    this.hub = this.t.hub('hub');
    this.connections = [this.hub.connect('0'), this.hub.connect('1')];
    this.clients = this.t.clients(CLIENTS);
    this.said = this.clients.map(() => []);
    this.sent = this.clients.map(() => []);
  }

  round(actions: readonly Action[]): void {
    for (const { connection } of this.clients) {
      connection.reroute({ reason: 'test', limitMs: 100 });
    }
    for (const action of actions) this.act(action);
    this.t.run(10);
  }

  /** Everything that was on its way arrives, all handlers complete. */
  rest(): void {
    this.act('resume');
    this.t.run(2000);
    for (let i = 0; i < CLIENTS; i++) this.act({ finish: i });
    this.t.run(2000);
  }

  /** What each side was to get, and what it got. */
  get expected() {
    return { received: this.said, heard: this.sent, ends: this.clients.map(() => 0) };
  }
  get actual() {
    return {
      received: this.hub.sockets.map((it) => it.received),
      heard: this.clients.map((it) => it.received),
      ends: this.hub.sockets.map((it) => it.ends),
    };
  }

  get leftovers() {
    const { faults, relay } = this.t;
    const moving = this.clients.filter(({ connection }) => connection.moving).length;
    const paused = this.clients.filter((it) => it.paused).length;
    return { faults, moving, paused, bytes: relay.budgets.inbound.used };
  }

  private act(action: Action) {
    const { clients, connections, hub, said, sent, t } = this;
    if (action === 'run') t.run(1);
    else if (action === 'resume') for (const it of connections) it.resume();
    else if ('say' in action) {
      const text = `in ${said[action.say]!.length}`;
      said[action.say]!.push(text);
      clients[action.say]!.say(text);
    } else if ('send' in action) {
      const text = `out ${sent[action.send]!.length}`;
      sent[action.send]!.push(text);
      hub.sockets[action.send]!.link.send(text, false);
    } else if ('busy' in action) hub.sockets[action.busy]!.busy = true;
    else if ('finish' in action) hub.sockets[action.finish]!.finish();
    else if ('stall' in action) connections[action.stall]!.stall();
    else {
      connections[action.cut]!.cut();
      connections[action.cut] = hub.connect(`${action.cut}`);
    }
  }
}

const NOTHING = { faults: [], moving: 0, paused: 0, bytes: 0 };

describe(`links that are rerouted ${ROUNDS} times`, () => {
  it('deliver every message of both sides once and in order', () => {
    fc.assert(
      fc.property(rounds(calm), (list) => {
        const run = new BackAndForth();
        for (const actions of list) run.round(actions);
        run.rest();
        expect(run.actual).toEqual(run.expected);
        expect(run.leftovers).toEqual(NOTHING);
        expect(run.t.relay.counters).toMatchObject({
          reroutes: ROUNDS * CLIENTS,
          failedReroutes: {},
        });
      }),
      { numRuns: 20 },
    );
  });

  it('do so too when service connections stand still or are cut at any point', () => {
    fc.assert(
      fc.property(rounds([...calm, ...calm, ...faults]), (list) => {
        const run = new BackAndForth();
        for (const actions of list) run.round(actions);
        run.rest();
        expect(run.actual).toEqual(run.expected);
        expect(run.leftovers).toEqual(NOTHING);
      }),
      { numRuns: 40 },
    );
  });
});
