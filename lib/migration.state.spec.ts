import 'reflect-metadata';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import type { INestApplication } from '@nestjs/common';
import { Min } from 'class-validator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, HubApps, service } from '../test/support/hub-apps.js';
import type { TestClient } from '../test/support/relay-fixture.js';
import { until } from '../test/support/until.js';
import { decodeContext, encodeContext } from './gateway/state/context-codec.js';
import { Migratable } from './gateway/decorators.js';
import type { MigratableOptions } from './gateway/decorators.js';
import type { Hold } from './gateway/hold.js';
import type { HubClient } from './gateway/hub-client.js';
import { defineState } from './gateway/state/state-definition.js';
import type { StateUpgrade } from './gateway/state/state-definition.js';
import { MigrationWsAdapter } from './hub/migration-ws.adapter.js';
import { MemoryContextStorage } from './storage/memory-context-storage.js';
import {
  OnMigrateIn,
  OnMigrateOut,
  OnMigrationFailed,
  OnMigrationReady,
} from './gateway/migration-hooks.decorators.js';
import type {
  FailedMigration,
  LeavingMigration,
  Migration,
  PendingMigration,
} from './gateway/migration.js';

class ChatState {
  @Min(0)
  count = 0;
  since = new Date(5);
  names = new Map<string, string>();
}

type Client = HubClient<ChatState>;

/** What happened on a server, in order. */
type Journal = unknown[];

interface Behaviour {
  ready?(migration: PendingMigration, client: Client): unknown;
  arrive?(client: Client): unknown;
  work?(client: Client): unknown;
  options?: MigratableOptions<ChatState>;
}

function gateway(journal: Journal, { ready, arrive, work, options }: Behaviour = {}) {
  @WebSocketGateway({ path: '/chat' })
  @Migratable({ state: ChatState, ...options })
  class ChatGateway {
    handleConnection(client: Client) {
      const { names, since, count } = client.state;
      journal.push(['connected', client.migration?.reason, count, since.getTime(), names.size]);
    }

    handleDisconnect(client: Client) {
      journal.push(['disconnected', client.migration?.to !== undefined, client.migrationState]);
    }

    @OnMigrationReady()
    ready(client: Client, migration: PendingMigration) {
      journal.push(['ready', migration.reason, client.migrationState]);
      return ready?.(migration, client);
    }

    @OnMigrateOut()
    out(_client: Client, { to }: LeavingMigration) {
      journal.push(['out', to?.serverName]);
    }

    @OnMigrateIn()
    in(client: Client, migration: Migration) {
      journal.push(['in', migration.reason]);
      return arrive?.(client);
    }

    @OnMigrationFailed()
    failed(client: Client, { reason, detail }: FailedMigration) {
      journal.push(['failed', reason, detail, client.migrationState]);
    }

    @SubscribeMessage('add')
    add(@ConnectedSocket() { state }: { state: ChatState }, @MessageBody() name: string) {
      state.names.set(name, name);
      return { count: ++state.count };
    }

    @SubscribeMessage('work')
    work(@ConnectedSocket() client: Client) {
      return work?.(client);
    }

    @SubscribeMessage('set')
    set(@ConnectedSocket() client: Client, @MessageBody() count: number) {
      client.state.count = count;
      return { count };
    }
  }
  return ChatGateway;
}

let apps: HubApps;
let journals: Journal[] = [];

/** A hub server with a chat gateway. */
async function chat(name: string, behaviour: Behaviour = {}, journal: Journal = []) {
  journals.push(journal);
  return apps.hub([gateway(journal, behaviour)], { hub: { serverName: name, version: name } });
}

const idOf = () => apps.connections[0]!.connectionId;

/** Resolves when the client is on this hub server and nothing is going on any more. */
const isOn = (hub: INestApplication) =>
  until(async () => {
    const { server, state } = await service(hub).stateOf(idOf());
    expect([server, state === 'requested' || state === 'ready' || state === 'migrating']).toEqual([
      service(hub).serverId,
      false,
    ]);
  });

/** The one client of a hub server. */
const held = (hub: INestApplication): HubClient =>
  [...hub.get(MigrationWsAdapter, { strict: false }).endpoints[0]!.clients][0]!;

beforeEach(async () => {
  journals = [];
  apps = await HubApps.start({ relay: { hubReconnectGraceMs: 0 } });
});
afterEach(() => apps.close());

describe('a connection that moves on request', () => {
  let client: TestClient;

  it('brings its state, and each step is told on both servers', async () => {
    const one = await chat('one');
    client = await apps.client();
    await ask(client, 'add', 'Ann');
    const two = await chat('two');
    const steps: unknown[] = [];
    service(one).events$.subscribe(({ state, reason, to }) => steps.push([state, reason, to]));
    const ticket = await service(one).request(idOf(), {
      to: { serverName: 'two' },
      reason: 'test',
    });
    expect(ticket).toMatchObject({ connectionId: idOf(), attempt: 1 });
    await isOn(two);
    expect(await ask(client, 'add', 'Bob')).toEqual({ count: 2 });
    expect(journals).toEqual([
      [
        ['connected', undefined, 0, 5, 0],
        ['ready', 'test', 'ready'],
        ['out', 'two'],
        ['disconnected', true, 'migrating'],
      ],
      [
        ['connected', 'test', 1, 5, 1],
        ['in', 'test'],
      ],
    ]);
    const to = { serverName: 'two' };
    expect(steps).toEqual([
      ['requested', 'test', to],
      ['ready', 'test', to],
      ['migrating', 'test', to],
    ]);
    expect(await ticket.status()).toMatchObject({ server: service(two).serverId });
  });

  it('stays when a target refuses its state, which says why to the origin', async () => {
    const one = await chat('one');
    client = await apps.client();
    await ask(client, 'set', -1);
    await chat('two');
    await service(one).request(idOf());
    await until(() => expect(journals[0]!.at(-1)).toContain('failed'));
    expect(journals[0]!.at(-1)).toEqual([
      'failed',
      'refused',
      expect.stringContaining('count: must not be less than 0'),
      'failed',
    ]);
    expect(await ask(client, 'add', 'Ann')).toEqual({ count: 0 });
    expect(journals[1]).toEqual([]);
  });

  it('is called off, or sent elsewhere, by the gateway', async () => {
    let decide: (migration: PendingMigration) => void = (migration) => migration.cancel();
    const one = await chat('one', { ready: (migration) => decide(migration) });
    client = await apps.client();
    const [two, three] = [await chat('two'), await chat('three')];
    await service(one).request(idOf(), { to: service(two).serverId });
    await until(async () =>
      expect(await service(one).stateOf(idOf())).toMatchObject({ state: 'cancelled' }),
    );
    decide = (migration) => {
      if (migration.to?.serverName !== 'three') migration.retarget({ serverName: 'three' });
    };
    await service(one).request(idOf(), { to: service(two).serverId });
    await isOn(three);
    expect(journals[0]!.map((it) => (it as unknown[])[0])).toEqual([
      'connected',
      'ready',
      'ready',
      'ready',
      'out',
      'disconnected',
    ]);
    expect(journals[1]).toEqual([]);
  });

  it('goes back when @OnMigrateIn() throws, and this target hears that it left', async () => {
    const one = await chat('one');
    client = await apps.client();
    await chat('two', {
      arrive() {
        throw new Error('no room');
      },
    });
    await service(one).request(idOf());
    await until(() => expect(journals[0]!.at(-1)).toContain('failed'));
    await until(() => expect(journals[1]).toHaveLength(3));
    expect(journals[1]!.at(-1)).toEqual(['disconnected', true, expect.anything()]);
    expect(await ask(client, 'add', 'Ann')).toEqual({ count: 1 });
  });
});

describe('a connection that is asked to move', () => {
  it('stays while it is held, which the relay and the application can see', async () => {
    const one = await chat('one', {}, []);
    await apps.client();
    const two = await chat('two');
    const hold = held(one).hold({ reason: 'payment' });
    await service(one).request(held(one));
    await until(async () =>
      expect(await service(two).stateOf(idOf())).toMatchObject({
        state: 'requested',
        server: service(one).serverId,
        waitsFor: 'hold: payment',
      }),
    );
    await service(two).cancel(idOf());
    expect(await service(one).stateOf(idOf())).toMatchObject({ state: 'cancelled' });
    await until(() => expect(held(one).migrationState).toBe('cancelled'));
    hold.release();
    expect(journals[0]!.map((it) => (it as unknown[])[0])).toEqual(['connected']);
  });

  it('in the middle of a dialogue ends that first: a hold lets the messages through', async () => {
    let hold: Hold | undefined;
    const work = (connection: Client) => {
      if (hold) hold.release();
      else hold = connection.hold({ reason: 'transaction' });
      return { count: ++connection.state.count };
    };
    const one = await chat('one', { work });
    const client = await apps.client();
    expect(await ask(client, 'work', null)).toEqual({ count: 1 });
    await chat('two');
    await service(one).request(held(one));
    await until(() => expect(held(one).migrationState).toBe('requested'));
    expect(await ask(client, 'add', 'Ann')).toEqual({ count: 2 });
    expect(await ask(client, 'work', null)).toEqual({ count: 3 });
    await until(() => expect(journals[1]![0]).toEqual(['connected', 'requested', 3, 5, 1]));
    expect(await ask(client, 'add', 'Bob')).toEqual({ count: 4 });
    expect(hold?.expired).toBe(false);
  });

  it('and is closed by the server has what its client sent before handled', async () => {
    const one = await chat('one', { work: () => new Promise(() => undefined) });
    const client = await apps.client();
    await chat('two');
    const connection = held(one);
    const { currentLink } = apps.connections[0]!;
    client.ws.send('{"event":"work","data":null}');
    await until(() => expect(currentLink!.retainedBytes).toBeGreaterThan(0));
    const before = currentLink!.retainedBytes;
    await service(one).request(connection);
    await until(() => expect(connection.migrationState).toBe('requested'));
    // It waits in the relay, since the connection is to move.
    client.ws.send('{"event":"add","data":"last"}');
    await until(() => expect(currentLink!.retainedBytes).toBeGreaterThan(before));
    connection.close(4000, 'bye');
    await until(() => expect(client.closed).toEqual({ code: 4000, reason: 'bye' }));
    await until(() => expect(journals[0]!.at(-1)).toEqual(['disconnected', false, 'failed']));
    expect((connection.state as ChatState).count).toBe(1);
  });

  it.each([
    ['requested', false],
    ['ready', true],
  ])('and leaves while that is %s has truly left', async (state, isReady) => {
    const one = await chat('one', { ready: () => new Promise(() => undefined) });
    const client = await apps.client();
    await chat('two');
    const connection = held(one);
    if (!isReady) connection.hold();
    await service(one).request(connection);
    await until(() => expect(connection.migrationState).toBe(state));
    client.ws.close();
    await until(() => expect(journals[0]!.at(-1)).toContain('disconnected'));
    expect(journals[0]!.at(-1)).toEqual([
      'disconnected',
      false,
      expect.not.stringMatching('migrating'),
    ]);
    expect(connection.migration).toBeUndefined();
  });

  it('refuses with exceptions that say why', async () => {
    const one = await chat('one', { ready: () => new Promise(() => undefined) });
    await apps.client();
    const connection = held(one);
    const refusal = (asked: Promise<unknown>) => asked.catch((error: Error) => error.name);
    const migration = service(one);
    expect(await refusal(migration.request('nobody'))).toBe('UnknownConnectionException');
    expect(await refusal(migration.request(connection))).toBe('NoMigrationTargetException');
    await expect(migration.cancel(connection)).rejects.toMatchObject({ result: 'nothingToCancel' });
    await expect(migration.request(connection, { to: migration.serverId })).rejects.toMatchObject({
      name: 'MigrationRefusedException',
      result: 'alreadyThere',
    });
    await expect(migration.request(connection, { reason: 'x'.repeat(300) })).rejects.toThrow(
      RangeError,
    );
    connection.migratable = false;
    expect(await refusal(migration.request(connection))).toBe('NotMigratableException');
    expect(await refusal(migration.request(idOf()))).toBe('NotMigratableException');
    connection.migratable = true;
    await chat('two');
    await migration.request(connection);
    await until(() => expect(connection.migrationState).toBe('ready'));
    expect(await refusal(migration.cancel(connection))).toBe('MigrationTooLateException');
    expect(await refusal(migration.request(connection))).toBe('MigrationTooLateException');
    expect(() => connection.hold()).toThrow('is on its way');
  });
});

describe('servers of different versions', () => {
  const versions: MigratableOptions<ChatState>[] = [1, 2, 3].map((version) => ({
    version,
    upgrade: Object.fromEntries(
      Array.from({ length: version - 1 }, (_, i) => [
        i + 1,
        (data: Record<string, unknown>) => ({ ...data, count: Number(data['count']) + 100 }),
      ]),
    ) as Record<number, StateUpgrade>,
  }));

  it('upgrade the state step by step, and never take a newer one', async () => {
    await chat('one', { options: versions[0]! });
    const client = await apps.client();
    await ask(client, 'set', 1);
    const two = await chat('two', { options: versions[1]! });
    const three = await chat('three', { options: versions[2]! });
    await service(two).request(idOf(), { to: { serverName: 'two' } });
    await isOn(two);
    expect(await ask(client, 'add', 'Ann')).toEqual({ count: 102 });
    await service(two).request(idOf(), { to: { serverName: 'three' } });
    await isOn(three);
    expect(await ask(client, 'add', 'Bob')).toEqual({ count: 203 });
    const journal = journals[2]!;
    await service(two).request(idOf(), { to: { serverName: 'one' } });
    await until(() => expect(journal.at(-1)).toContain('failed'));
    expect(journal.at(-1)).toEqual([
      'failed',
      'refused',
      expect.stringContaining('version 3'),
      'failed',
    ]);
    expect(await ask(client, 'add', 'Eve')).toEqual({ count: 204 });
  });
});

describe('a hub server that shuts down', () => {
  it('gives its clients with their states to the next one', async () => {
    const one = await chat('one');
    const client = await apps.client();
    await ask(client, 'add', 'Ann');
    const two = await chat('two');
    await one.close();
    await isOn(two);
    expect(journals[0]!.slice(-3)).toEqual([
      ['ready', 'shutdown', 'ready'],
      ['out', undefined],
      ['disconnected', true, 'migrating'],
    ]);
    expect(journals[1]![0]).toEqual(['connected', 'shutdown', 1, 5, 1]);
    expect(await ask(client, 'add', 'Bob')).toEqual({ count: 2 });
  });
});

describe('a hub server that is lost', () => {
  it('leaves the state of its clients to the next one', async () => {
    const one = await chat('one');
    const client = await apps.client();
    for (const name of ['Ann', 'Bob', 'Eve']) await ask(client, 'add', name);
    const two = await chat('two');
    // The last change is in the relay before its message counts as handled.
    await until(() => expect(apps.connections[0]!.currentLink!.retainedBytes).toBe(0));
    apps.crash(one);
    await isOn(two);
    expect(journals[1]![0]).toEqual(['connected', 'crash', 3, 5, 3]);
    expect(await ask(client, 'add', 'Zoe')).toEqual({ count: 4 });
  });

  it('has its clients closed whose state does not fit any more', async () => {
    const one = await chat('one');
    const client = await apps.client();
    await chat('two');
    (held(one).state as ChatState).names.set('large', 'x'.repeat(70_000));
    await expect(held(one).checkpoint()).rejects.toThrow('context.maxBytes is 65536');
    await until(() => expect(apps.connections[0]!.mayBeMoved).toBe(false));
    apps.crash(one);
    await until(() => expect(client.closed).toMatchObject({ code: 1012 }));
  });
});

describe('context.storage', () => {
  /** Survives the applications. */
  class SharedStorage extends MemoryContextStorage {
    override async close() {}
  }

  it('has the state of a connection wherever it is, until it ends', async () => {
    const storage = new SharedStorage();
    const options = { context: { storage } };
    const one = await apps.hub([gateway([])], options);
    const client = await apps.client();
    const connectionId = idOf();
    await ask(client, 'add', 'Ann');
    await held(one).checkpoint();
    const two = await apps.hub([gateway([])], options);
    await service(one).request(connectionId);
    await isOn(two);
    expect(await ask(client, 'add', 'Bob')).toEqual({ count: 2 });
    await held(two).checkpoint();
    client.ws.close();
    await until(() => expect(storage.claim(connectionId, 2, 1000)).rejects.toThrow('has ended'));
    await MemoryContextStorage.prototype.close.call(storage);
  });

  it('goes on with a connection that another server could not take', async () => {
    const storage = new SharedStorage();
    const options = { context: { storage } };
    const journal: Journal = [];
    const one = await apps.hub([gateway(journal)], options);
    const client = await apps.client();
    const refuse = () => Promise.reject(new Error('no room'));
    await apps.hub([gateway([], { arrive: refuse })], options);
    await service(one).request(idOf());
    await until(() => expect(journal.at(-1)).toContain('failed'));
    expect(await ask(client, 'add', 'Ann')).toEqual({ count: 1 });
    await held(one).checkpoint();
    await MemoryContextStorage.prototype.close.call(storage);
  });

  it('that has a newer state than the relay gives that to the next server', async () => {
    const storage = new SharedStorage();
    const options = { context: { storage } };
    const one = await apps.hub([gateway([])], options);
    const client = await apps.client();
    await ask(client, 'add', 'Ann');
    await held(one).checkpoint();
    const taken = await storage.claim(idOf(), 1, 60_000);
    // As when what was on its way to the relay was lost with its server.
    const sequence = decodeContext(taken!.context).sequence! + 1;
    const later = Object.assign(new ChatState(), { count: 5 });
    const state = defineState({ state: ChatState }).encode(later);
    const context = encodeContext({ version: 1, state, sequence });
    await storage.save(idOf(), { epoch: 1, sequence, context }, 60_000);
    const journal: Journal = [];
    const two = await apps.hub([gateway(journal)], options);
    apps.crash(one);
    await isOn(two);
    expect(journal[0]).toEqual(['connected', 'crash', 5, 5, 0]);
    expect(await ask(client, 'add', 'Bob')).toEqual({ count: 6 });
    await MemoryContextStorage.prototype.close.call(storage);
  });
});
