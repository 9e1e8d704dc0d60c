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
import { Migratable } from './gateway/decorators.js';
import type { MigratableOptions } from './gateway/decorators.js';
import type { HubClient } from './gateway/hub-client.js';
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
  options?: MigratableOptions<ChatState>;
}

function gateway(journal: Journal, { ready, arrive, options }: Behaviour = {}) {
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
});
