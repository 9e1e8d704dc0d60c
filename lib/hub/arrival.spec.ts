import { IsString, Min } from 'class-validator';
import { beforeEach, describe, expect, it } from 'vitest';
import { nextTurn } from '../../test/support/virtual-socket-fixture.js';
import { VirtualClock } from '../../test/simulation/virtual-clock.js';
import type { HubClient } from '../gateway/hub-client.js';
import { encodeContext } from '../gateway/state/context-codec.js';
import { defineState } from '../gateway/state/state-definition.js';
import { HubLink } from '../protocol/hub-link.js';
import { MessageType } from '../protocol/messages.js';
import type { ControlMessage, OpenConnection } from '../protocol/messages.js';
import { MemoryContextStorage } from '../storage/memory-context-storage.js';
import { NO_HOOKS } from './endpoint-moves.js';
import type { MigrationHooks } from './endpoint-moves.js';
import { EndpointPolicies } from './endpoint-policies.js';
import { GatewayApplication } from './gateway-application.js';
import { MigrationWsAdapter } from './migration-ws.adapter.js';
import { StoredContexts } from './stored-contexts.js';
import type { VirtualSocket } from './virtual-socket.js';

class Old {
  count = 4;
}

class State {
  @Min(1)
  count = 0;
  @IsString()
  name = 'new';
}

const OLD = defineState({ state: Old });
const DEFINITION = defineState({ state: State });

/** A hub server at which a connection arrives; the test is the relay. */
class ArrivalFixture {
  readonly clock = new VirtualClock();
  readonly control: ControlMessage[] = [];
  readonly faults: string[] = [];
  readonly clients: HubClient<State>[] = [];
  readonly storage = new MemoryContextStorage();
  private readonly application: GatewayApplication;
  link!: HubLink;

  constructor(
    hooks: Partial<MigrationHooks> = {},
    definition: typeof DEFINITION | 'none' = DEFINITION,
    isStored = false,
  ) {
    const adapter = new MigrationWsAdapter();
    const server = adapter.create(0, { path: '/chat' }) as unknown as {
      on(name: 'connection', listener: (client: HubClient<State>) => void): void;
    };
    server.on('connection', (client) => void this.clients.push(client));
    const gateway = {
      metatype: class {},
      name: 'Chat',
      endpoint: { port: 0, path: '/chat' },
      options: definition === 'none' ? {} : { definition },
      onConnect: [],
      onShutdown: [],
      hooks: { ...NO_HOOKS, ...hooks },
    };
    const log = { log() {}, error: (message: string) => void this.faults.push(message) };
    this.application = new GatewayApplication(
      adapter,
      new EndpointPolicies([gateway as never], {
        ack: 'handled',
        level: 'any',
        shutdown: 'migrateClients',
        unresumable: 'wait',
      }),
      {
        connectHookMs: 1000,
        maxMessageBytes: 1000,
        maxBufferedBytes: 1000,
        migrationHookMs: 500,
        holdMs: 1000,
        maxBytes: 1000,
        checkpointMs: 100,
      },
      (message, error) => void this.faults.push(`${message}: ${String(error)}`),
      isStored ? new StoredContexts(this.storage, 60_000, this.clock, log) : undefined,
      this.clock,
    );
  }

  async arrive(further: Partial<OpenConnection> = {}): Promise<void> {
    const message: OpenConnection = {
      type: MessageType.OpenConnection,
      link: 1,
      connectionId: 'c1',
      epoch: 2,
      port: 0,
      path: '/chat',
      inbound: 3,
      request: {
        method: 'GET',
        url: '/chat',
        httpVersion: '1.1',
        rawHeaders: [],
        remoteAddress: '127.0.0.1',
        remotePort: 1,
        encrypted: false,
      },
      migration: { server: 'hub-1', reason: 'shutdown', attempt: 2 },
      ...further,
    };
    this.application.open(message, (owner) => {
      const channel = {
        sendData() {},
        sendAck() {},
        sendControl: (it: ControlMessage) => void this.control.push(it),
        scheduleAck() {},
        release() {},
      };
      const host = { linkEnded() {}, linkDetached() {}, linkForgotten() {}, moveChanged() {} };
      const limits = { retainedBytes: 1000, retainedMessages: 1000 };
      this.link = new HubLink(channel, 1, message, 'handled', limits, host, owner);
      return this.link;
    });
    // An upgrade and validators may take several turns.
    for (let i = 0; i < 5; i++) await nextTurn();
  }

  get answer() {
    return this.control.find(({ type }) => type === MessageType.OpenConnectionResponse);
  }

  get client() {
    return this.clients[0] as (HubClient<State> & VirtualSocket) | undefined;
  }
}

const contextOf = (state: Partial<State>, version = 1) =>
  encodeContext({ version, state: DEFINITION.encode(Object.assign(new State(), state)) });

let t: ArrivalFixture;
beforeEach(() => void (t = new ArrivalFixture()));

describe('a connection that arrives with a state', () => {
  it('has an instance of its class before the gateways see it, and nothing new to say', async () => {
    await t.arrive({ context: contextOf({ count: 5 }) });
    expect(t.client!.state).toBeInstanceOf(State);
    expect(t.client!.state).toEqual({ count: 5, name: 'new' });
    expect(t.control).toMatchObject([{ accepted: true }]);
  });

  it('has the upgraded one, which the relay then gets', async () => {
    const definition = defineState({
      state: State,
      version: 2,
      upgrade: { 1: async (data) => ({ ...data, name: 'upgraded' }) },
    });
    t = new ArrivalFixture({}, definition);
    await t.arrive({ context: encodeContext({ version: 1, state: OLD.encode(new Old()) }) });
    expect(t.client!.state).toEqual({ count: 4, name: 'upgraded' });
    expect(t.control).toMatchObject([{ accepted: true }, { type: MessageType.Checkpoint }]);
  });

  it.each([
    ['does not validate', contextOf({ count: 0 }), /count: must not be less than 1/],
    ['is of a newer version', contextOf({ count: 1 }, 9), /version 9/],
    ['is no state', encodeContext({ version: 1, state: Uint8Array.of(1) }), /state/],
    ['comes in no context', Uint8Array.of(0xc1), /context/],
  ])('is refused when that %s; no gateway sees it', async (_, context, reason) => {
    await t.arrive({ context });
    expect(t.answer).toMatchObject({ accepted: false, status: 409 });
    expect(t.answer).toHaveProperty('reason', expect.stringMatching(reason));
    expect(t.clients).toEqual([]);
    expect(t.faults).toEqual([expect.stringMatching(/c1, which comes from .*hub-1, is refused/)]);
  });

  it('is refused where no gateway has a class for it', async () => {
    t = new ArrivalFixture({}, 'none');
    await t.arrive({ context: contextOf({ count: 1 }) });
    expect(t.answer).toMatchObject({
      accepted: false,
      reason: expect.stringContaining('@Migratable({ state })') as string,
    });
  });

  it('may have gone back before it was read', async () => {
    const arrived = t.arrive({ context: contextOf({ count: 1 }) });
    t.link.onMessage({
      type: MessageType.CloseConnection,
      link: 1,
      code: 1012,
      reason: 'targetTimeout',
      migration: { server: 'hub-1', reason: 'rolledBack', attempt: 2 },
    });
    await arrived;
    expect([t.clients, t.answer, t.faults]).toEqual([[], undefined, []]);
  });
});

describe('a connection that arrives without a state', () => {
  it('has a new one, which the relay gets', async () => {
    await t.arrive();
    expect(t.client!.state).toEqual(new State());
    expect(t.control).toMatchObject([{ accepted: true }, { type: MessageType.Checkpoint }]);
  });

  it('brings what is left of its batches', async () => {
    const batches = [3, 4].map((number) => ({ number, results: 1, cursor: number }));
    t = new ArrivalFixture({}, 'none');
    await t.arrive({ context: encodeContext({ batches, cancelled: ['r1'] }) });
    expect(t.client!.arrived).toEqual({ batches: [batches[1]], cancelled: ['r1'] });
    expect(t.client!.pending).toEqual([batches[1]]);
  });
});

describe('@OnMigrateIn()', () => {
  it('is awaited before the connection is accepted, within its limit', async () => {
    const seen: unknown[] = [];
    t = new ArrivalFixture({
      in: [
        (client, migration) => {
          seen.push((client.state as State).count, migration.from);
          return new Promise(() => undefined);
        },
      ],
    });
    await t.arrive({ context: contextOf({ count: 7 }) });
    expect([seen, t.answer]).toEqual([[7, 'hub-1'], undefined]);
    t.clock.run(500);
    await nextTurn();
    expect(t.answer).toMatchObject({ accepted: true });
    expect(t.faults).toEqual([expect.stringContaining('hub.migrationHookMs')]);
  });

  it('that throws refuses the connection; the gateways hear that it left', async () => {
    t = new ArrivalFixture({ in: [() => Promise.reject(new Error('no room'))] });
    const closed: unknown[] = [];
    const arrived = t.arrive();
    await Promise.resolve();
    t.clients[0]?.on('close', (code) => closed.push(code));
    await arrived;
    expect(t.answer).toMatchObject({ accepted: false, reason: '@OnMigrateIn() failed' });
    expect(t.client!.migration).toEqual({ to: 'hub-1', reason: 'rolledBack', attempt: 2 });
    expect(t.faults).toEqual([expect.stringContaining('no room')]);
  });
});

describe('a connection whose context is stored', () => {
  const stored = (count: number, sequence: number) =>
    encodeContext({
      sequence,
      version: 1,
      state: DEFINITION.encode(Object.assign(new State(), { count })),
    });

  beforeEach(() => void (t = new ArrivalFixture({}, DEFINITION, true)));

  it.each([
    ['the stored one is newer', 2, 9],
    ['the relay has the same', 3, 5],
    ['the relay has a newer one', 4, 5],
  ])('has the newest when %s', async (_, sequence, expected) => {
    await t.storage.save('c1', { epoch: 1, sequence: 3, context: stored(9, 3) }, 60_000);
    await t.arrive({ context: stored(5, sequence) });
    expect(t.client!.state.count).toBe(expected);
    await nextTurn();
    const now = await t.storage.claim('c1', 2, 60_000);
    expect(now!.context).toEqual(stored(expected, Math.max(sequence, 3)));
  });

  it('has it where the relay has none', async () => {
    await t.storage.save('c1', { epoch: 1, sequence: 3, context: stored(9, 3) }, 60_000);
    await t.arrive();
    expect(t.client!.state.count).toBe(9);
  });

  it('fences off the server that had it', async () => {
    await t.arrive({ context: stored(5, 1) });
    const late = { epoch: 1, sequence: 8, context: stored(1, 8) };
    expect(await t.storage.save('c1', late, 60_000)).toBe(false);
  });

  it('is refused when it is another server’s by now', async () => {
    await t.storage.claim('c1', 5, 60_000);
    await t.arrive({ context: stored(5, 1) });
    expect(t.answer).toMatchObject({ accepted: false, status: 409 });
  });

  it('has what the relay has when what is stored is none', async () => {
    const context = Uint8Array.of(0xc1);
    await t.storage.save('c1', { epoch: 1, sequence: 9, context }, 60_000);
    await t.arrive({ context: stored(5, 1) });
    expect(t.client!.state.count).toBe(5);
    expect(t.faults).toEqual([expect.stringContaining('is no context')]);
  });
});
