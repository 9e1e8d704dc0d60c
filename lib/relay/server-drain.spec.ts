import { beforeEach, describe, expect, it } from 'vitest';
import { PlayedRelay } from '../../test/support/played-relay-fixture.js';
import type { PlayedHub } from '../../test/support/played-relay-fixture.js';
import { MessageType } from '../protocol/messages.js';
import type { ClientConnection } from './client-connection.js';

const REQUEST = MessageType.MigrateConnectionRequest;

let t: PlayedRelay;
let a: PlayedHub;
let b: PlayedHub;
let client: ClientConnection;
beforeEach(() => {
  t = new PlayedRelay();
  a = t.hub('a');
  client = t.client(a);
  b = t.hub('b');
});

const requests = () => a.take().filter(({ type }) => type === REQUEST).length;
const closed = () => t.core.counters.closedAtDeadline;

describe('a drain and a client that is not migratable', () => {
  it('is not asked, and closed with that reason at the deadline', () => {
    a.checkpoint({ migratable: false });
    a.drain(1000);
    t.run(999);
    expect([requests(), client.over, t.core.counters.failedMigrations]).toEqual([0, false, {}]);
    t.run(1);
    expect(a.take()).toMatchObject([{ code: 1012, reason: 'notMigratable' }]);
    expect([closed(), t.core.counters.lostWithServer]).toEqual([{ notMigratable: 1 }, 0]);
  });

  it('is asked at once when it is migratable again', () => {
    a.checkpoint({ migratable: false });
    a.drain(1000);
    t.run(100);
    a.checkpoint();
    expect(requests()).toBe(1);
    a.ready();
    b.accept();
    a.released();
    t.run(1000);
    expect([client.serverId, closed()]).toEqual(['b', {}]);
  });
});

describe('a drain and an origin that refuses', () => {
  it.each([
    ['cancelled', 'cancelled'],
    ['notMigratable', 'notMigratable'],
    ['the payment is not through', 'refusedByOrigin'],
    [undefined, 'refusedByOrigin'],
  ])('asks again and counts %s as %s', (said, counted) => {
    a.drain(500);
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(requests()).toBe(1);
      a.notReady(attempt, said);
      t.run(200);
    }
    expect(t.core.counters.failedMigrations).toEqual({ [counted]: 3 });
    expect(closed()).toEqual({ [counted]: 1 });
    expect(a.take().at(-1)).toMatchObject({ code: 1012, reason: counted });
  });

  it('has the text of the origin in what it shows', () => {
    a.drain(500);
    a.notReady(1, 'the payment is not through');
    expect(t.core.migrations.state(client.connectionId)).toMatchObject({
      state: 'failed',
      reason: 'the payment is not through',
    });
  });
});

it('a cancelled attempt of a drain is followed by the next one', () => {
  a.drain(1000);
  expect(requests()).toBe(1);
  t.core.migrations.cancel(client.connectionId);
  t.run(200);
  expect(requests()).toBe(1);
});

it('clients whose context was forgotten can be drained, and not be taken over', () => {
  const forgotten = { context: new Uint8Array(1001) };
  a.checkpoint(forgotten);
  expect(t.core.stats()).toMatchObject({ contextBytes: 0, forgottenContexts: 1 });
  a.drain(1000);
  a.ready(1, { context: new Uint8Array(10) });
  b.accept();
  a.released();
  expect([client.serverId, t.core.stats().contextBytes]).toEqual(['b', 10]);
  b.checkpoint(forgotten);
  b.lose();
  expect(t.core.counters).toMatchObject({
    lostWithServer: 1,
    lossReasons: { contextLost: 1 },
  });
});

describe('a drain of many clients', () => {
  const CLIENTS = 100;
  const PER_TURN = 10;

  beforeEach(() => {
    t = new PlayedRelay({ migrationsPerSecond: PER_TURN * 50 });
    a = t.hub('a');
    for (let i = 0; i < CLIENTS; i++) t.client(a);
    t.hub('b');
  });

  const links = () => a.take().flatMap((it) => (it.type === REQUEST ? [it.link] : []));

  it('asks some at each turn, and each of them once', () => {
    a.drain(60_000);
    const asked: number[] = [];
    for (let turn = 0; asked.length < CLIENTS && turn < 2 * PER_TURN; turn++) {
      const now = links();
      expect(now.length).toBeLessThanOrEqual(PER_TURN);
      asked.push(...now);
      t.run(20);
    }
    expect(asked).toEqual(Array.from({ length: CLIENTS }, (_, i) => i + 1));
    t.run(2000);
    expect(links()).toEqual([]);
  });

  it('comes to everybody before it asks again those that refuse', () => {
    a.drain(60_000);
    const asked: number[] = [];
    for (let turn = 0; turn < 30; turn++) {
      for (const link of links()) {
        asked.push(link);
        const attempt = asked.filter((it) => it === link).length;
        const counts = { handled: 0, received: 0, sent: 0 };
        const type = MessageType.MigrateConnectionResponse;
        if (link <= 50) a.say({ type, link, attempt, ready: false, ...counts });
      }
      t.run(20);
    }
    expect(new Set(asked.slice(0, CLIENTS)).size).toBe(CLIENTS);
    expect(asked.slice(CLIENTS, CLIENTS + 50)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it('passes those over that are not migratable', () => {
    for (let link = 1; link <= 50; link++) {
      a.say({ type: MessageType.Checkpoint, link, migratable: false });
    }
    a.drain(60_000);
    t.run(1000);
    expect(links()).toEqual(Array.from({ length: 50 }, (_, i) => i + 51));
  });
});

it('a client that was on its way to another service connection is asked when that has failed', () => {
  client.reroute({ reason: 'ingressReload', limitMs: 1000 });
  t.run();
  expect(requests()).toBe(1);
  a.drain(1000);
  t.run(100);
  expect(requests()).toBe(0);
  a.notReady(1, 'no');
  t.run(20);
  expect(requests()).toBe(1);
});
