import { beforeEach, describe, expect, it } from 'vitest';
import { InProcessFixture } from '../../test/support/in-process-fixture.js';
import type { InProcessClient, InProcessHub } from '../../test/support/in-process-fixture.js';

const CLIENTS = 20;

let t: InProcessFixture;
let old: InProcessHub;
let clients: InProcessClient[];
beforeEach(() => {
  t = new InProcessFixture({ migrationsPerSecond: 200 });
  old = t.hub('old', 'a', 'b');
  clients = t.clients(CLIENTS);
});

const reload = () => t.relay.ingresses.reload('a', 5000);
const report = () => t.relay.ingresses.get('a')!.reload!;
const linksThrough = (ingress: string) => t.relay.ingresses.get(ingress)!.links;

/** Every client says its next number, and every server one to each of its clients. */
function talk(number: number, ...hubs: InProcessHub[]): void {
  for (const client of clients) client.say(`${number}`);
  for (const hub of hubs) {
    for (const socket of hub.sockets) if (!socket.ended) socket.link.send(`${number}`, false);
  }
}

/** What a client said, as its servers received it: in the order in which they had it. */
function heard(hubs: InProcessHub[], { connection }: InProcessClient): string[] {
  return hubs
    .flatMap((hub) => hub.sockets)
    .filter(({ opened }) => opened.connectionId === connection.connectionId)
    .flatMap(({ received }) => received);
}

describe('the reload of an ingress and the drain of a hub server', () => {
  it.each([
    ['the drain first', () => old.drain(5000), () => reload()],
    ['the reload first', () => reload(), () => old.drain(5000)],
  ])('at the same time move every link once where it belongs: %s', (_, first, second) => {
    const next = t.hub('next', 'a', 'b');
    let number = 0;
    talk(++number, old, next);
    first();
    for (let i = 0; i < 3; i++) {
      talk(++number, old, next);
      t.run(20);
    }
    second();
    for (let i = 0; i < 20; i++) {
      talk(++number, old, next);
      t.run(20);
    }
    t.run(2000);
    expect(report()).toMatchObject({ state: 'ready', links: { remaining: 0, ended: 0 } });
    expect([linksThrough('a'), linksThrough('b')]).toEqual([0, CLIENTS]);
    expect([old.core.connections.size, next.core.connections.size]).toEqual([0, CLIENTS]);
    expect(t.relay.counters).toMatchObject({ migrations: CLIENTS, closedAtDeadline: {} });
    expect(old.sockets.map(({ ends, ended }) => [ends, ended?.migration?.server])).toEqual(
      clients.map(() => [1, 'next']),
    );
    const numbers = Array.from({ length: number }, (_, i) => `${i + 1}`);
    for (const client of clients) {
      expect(heard([old, next], client)).toEqual(numbers);
      expect([client.received, client.asked]).toEqual([numbers, []]);
    }
    expect(t.faults).toEqual([]);
  });

  it('leave clients where they are when there is no other server, and close them at its deadline', () => {
    old.drain(1000);
    reload();
    t.run(999);
    expect([report().state, linksThrough('a'), linksThrough('b')]).toEqual(['ready', 0, CLIENTS]);
    t.run(100);
    expect(clients.map(({ asked }) => asked.map(({ code }) => code))).toEqual(
      clients.map(() => [1012]),
    );
    expect([t.relay.clientCount, t.faults]).toEqual([0, []]);
  });

  it('prefer servers that can be reached through another ingress', () => {
    const cutOff = t.hub('cut off', 'a');
    reload();
    t.run(100);
    const reachable = t.hub('reachable', 'b');
    old.drain(5000);
    t.run(2000);
    expect([cutOff, reachable].map((it) => it.core.connections.size)).toEqual([0, CLIENTS]);
  });

  it('take a server that cannot be reached otherwise rather than none', () => {
    const only = t.hub('only', 'a');
    reload();
    t.run(100);
    old.drain(5000);
    t.run(2000);
    expect([only.core.connections.size, report().state]).toEqual([CLIENTS, 'ready']);
    expect(clients.filter(({ asked }) => asked.length > 0)).toEqual([]);
  });

  it('end with the hub server that is lost while both run', () => {
    const next = t.hub('next', 'b');
    old.drain(5000);
    reload();
    t.run(0);
    old.core.stop();
    t.run(5000);
    expect([next.core.connections.size, linksThrough('a')]).toEqual([CLIENTS, 0]);
    expect(report()).toMatchObject({ state: 'ready', links: { remaining: 0 } });
    expect(clients.filter(({ asked }) => asked.length > 0)).toEqual([]);
  });
});

describe('clients that come while an ingress is reloaded', () => {
  it('go to servers that can be reached through another ingress', () => {
    const cutOff = t.hub('cut off', 'a');
    const reachable = t.hub('reachable', 'b');
    reload();
    t.run(200);
    const before = reachable.core.connections.size;
    t.clients(6);
    expect([cutOff.core.connections.size, reachable.core.connections.size]).toEqual([
      0,
      before + 6,
    ]);
  });
});
