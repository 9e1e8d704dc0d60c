import { beforeEach, describe, expect, it } from 'vitest';
import { InProcessFixture } from '../../test/support/in-process-fixture.js';
import type {
  InProcessClient,
  InProcessHub,
  InProcessServiceConnection,
} from '../../test/support/in-process-fixture.js';

let t: InProcessFixture;
beforeEach(() => (t = new InProcessFixture()));

const reload = (deadlineMs = 5000) => t.relay.ingresses.reload('a', deadlineMs);
const report = () => t.relay.ingresses.get('a')!.reload!;

/** A hub server with service connections through the ingresses a and b, and clients on the first only. */
function serve(count: number): {
  hub: InProcessHub;
  a: InProcessServiceConnection;
  b: InProcessServiceConnection;
  clients: InProcessClient[];
} {
  const hub = t.hub('hub');
  const a = hub.connect('a');
  const clients = t.clients(count);
  return { hub, a, b: hub.connect('b'), clients };
}

describe('the reload of an ingress', () => {
  it('moves links to the other service connections, and the application notices nothing', () => {
    const { hub, a, b, clients } = serve(10);
    for (const [i, client] of clients.entries()) client.say(`in ${i}`);
    for (const [i, socket] of hub.sockets.entries()) socket.link.send(`out ${i}`, false);
    expect(reload()).toMatchObject({ state: 'running', links: { moved: 0, remaining: 10 } });
    for (const client of clients) client.say('meanwhile');
    for (const { link } of hub.sockets) link.send('meanwhile', false);
    t.run(200);
    expect(report()).toMatchObject({
      state: 'ready',
      remainingMs: 0,
      links: { moved: 10, ended: 0, failed: {}, remaining: 0 },
      clients: { left: 0, remaining: 0 },
    });
    expect([a.session.linkCount, b.session.linkCount]).toEqual([0, 10]);
    expect(hub.sockets.map((it) => it.received)).toEqual(
      clients.map((_, i) => [`in ${i}`, 'meanwhile']),
    );
    expect(clients.map((it) => it.received)).toEqual(
      hub.sockets.map((_, i) => [`out ${i}`, 'meanwhile']),
    );
    expect(hub.sockets.filter(({ ends }) => ends > 0)).toEqual([]);
    expect([t.relay.counters.reroutes, t.relay.counters.migrations]).toEqual([10, 0]);
  });

  it('begins no more at once than the rate allows, so that it lasts', () => {
    t = new InProcessFixture({ migrationsPerSecond: 100 });
    serve(50);
    reload(60_000);
    t.run(250);
    expect(report().links.moved).toBeGreaterThan(20);
    expect(report().links.moved).toBeLessThan(30);
    t.run(300);
    expect(report()).toMatchObject({ state: 'ready', links: { moved: 50 } });
  });

  it('is faster than the rate when the deadline asks for it', () => {
    t = new InProcessFixture({ migrationsPerSecond: 1 });
    serve(50);
    reload(2000);
    t.run(2000);
    expect(report()).toMatchObject({ state: 'ready', links: { moved: 50, remaining: 0 } });
  });

  it('has new clients go elsewhere, and those that were on their way follow', () => {
    const { hub, a, b } = serve(0);
    hub.accepts = false;
    b.cut();
    const early = t.client();
    const other = hub.connect('b');
    expect(a.session.linkCount).toBe(1);
    reload();
    t.client();
    expect([a.session.linkCount, other.session.linkCount]).toEqual([1, 1]);
    t.run(100);
    expect(report()).toMatchObject({ state: 'running', links: { remaining: 1 } });
    hub.sockets[0]!.link.accept('');
    t.run(100);
    expect([early.accepted, report().state, report().links.moved]).toEqual([true, 'ready', 1]);
  });

  it('also avoids service connections that come through the ingress while it runs', () => {
    const { hub } = serve(4);
    const [client] = t.clients(1, 'a');
    client!.answersAfterMs = undefined;
    reload();
    const late = hub.connect('a');
    expect(late.session.avoided).toBe(true);
    t.clients(6);
    t.run(200);
    expect([late.session.linkCount, report().links]).toMatchObject([0, { moved: 4, remaining: 0 }]);
    t.run(5000);
    expect(hub.connect('a').session.avoided).toBe(false);
  });

  it('counts a link whose service connection is lost as moved once it is rebound', () => {
    const { hub, a, clients } = serve(3);
    for (const socket of hub.sockets) socket.busy = true;
    a.stall();
    reload();
    t.run(50);
    expect(report().links).toMatchObject({ moved: 0, remaining: 3 });
    t.clock.after(0, () => a.cut());
    t.run(100);
    expect(report()).toMatchObject({ state: 'ready', links: { moved: 3, remaining: 0 } });
    expect(t.relay.counters.failedReroutes).toEqual({ sessionLost: 3 });
    clients[0]!.say('here');
    t.run(0);
    expect(hub.sockets[0]!.received).toEqual(['here']);
  });

  it('tries a link again whose hub server does not answer, and counts each attempt', () => {
    const { a, hub, clients } = serve(2);
    a.stall();
    reload(10_000);
    // One attempt lasts 500 ms, the next begins 200 ms later.
    t.run(1100);
    expect(report().links).toMatchObject({ failed: { noAnswer: 2 }, moved: 0, remaining: 2 });
    a.resume();
    t.run(500);
    expect(report()).toMatchObject({
      state: 'ready',
      links: { failed: { noAnswer: 2 }, moved: 2, remaining: 0 },
    });
    for (const client of clients) client.say('here');
    t.run(0);
    expect(hub.sockets.map((it) => it.received)).toEqual([['here'], ['here']]);
  });

  it('expires with what is left, which works on', () => {
    const { a, hub, clients } = serve(2);
    a.stall();
    reload(1000);
    t.run(1000);
    expect(report()).toMatchObject({
      state: 'expired',
      elapsedMs: 1000,
      remainingMs: 0,
      links: { moved: 0, remaining: 2 },
    });
    a.resume();
    clients[1]!.say('here');
    t.run(1000);
    expect(hub.sockets[1]!.received).toEqual(['here']);
    expect(report()).toMatchObject({ state: 'expired', links: { moved: 0, remaining: 2 } });
  });

  it('counts a link that ends meanwhile, and the numbers add up', () => {
    t = new InProcessFixture({ migrationsPerSecond: 50 });
    const { clients, hub } = serve(20);
    reload(60_000);
    t.run(100);
    clients[19]!.leave();
    hub.sockets[18]!.link.close(4000, 'bye');
    t.run(60);
    const { moved, ended, remaining } = report().links;
    expect([ended, moved + ended + remaining]).toEqual([2, 20]);
    t.run(2000);
    expect(report()).toMatchObject({
      state: 'ready',
      links: { moved: 18, ended: 2, remaining: 0 },
    });
    expect(hub.sockets[19]!.ended).toMatchObject({ code: 1001, migration: undefined });
  });

  it('counts a link that has left and not arrived as one that remains', () => {
    const { b, a } = serve(3);
    b.stall();
    reload();
    t.run(100);
    expect(a.session.linkCount).toBe(0);
    expect(report()).toMatchObject({ state: 'running', links: { moved: 0, remaining: 3 } });
    b.resume();
    t.run(100);
    expect(report()).toMatchObject({ state: 'ready', links: { moved: 3, remaining: 0 } });
  });

  it('that is called off while links are on their way says that they remain', () => {
    const { b } = serve(3);
    b.stall();
    reload();
    t.run(100);
    t.relay.ingresses.cancel('a');
    b.resume();
    t.run(100);
    expect(report()).toMatchObject({ state: 'cancelled', links: { moved: 0, remaining: 3 } });
  });

  it('does not count a client as moved that lost its hub server before it was let in', () => {
    t = new InProcessFixture({ lastIngress: 'wait' });
    const hub = t.hub('hub');
    hub.accepts = false;
    const a = hub.connect('a');
    const client = t.client();
    reload();
    a.cut();
    t.run(100);
    expect([client.refused, a.session.linkCount]).toEqual([undefined, 0]);
    expect(report().links).toEqual({ moved: 0, ended: 0, failed: {}, remaining: 0 });
  });

  it('moves the links of hub servers that have a way, and waits for the others', () => {
    t = new InProcessFixture({ lastIngress: 'wait' });
    const one = t.hub('one', 'a');
    t.clients(3);
    const two = t.hub('two', 'a', 'b');
    t.clients(6);
    const onTwo = two.sockets.length;
    reload(10_000);
    t.run(1000);
    expect(report()).toMatchObject({ state: 'waiting', links: { remaining: one.sockets.length } });
    expect(report().links.moved).toBeLessThanOrEqual(onTwo);
    one.connect('b');
    t.run(500);
    expect(report()).toMatchObject({ state: 'ready', links: { remaining: 0, failed: {} } });
  });

  it('tries again when the only other way is lost before the hub server has answered', () => {
    const { hub, b, clients } = serve(2);
    reload(10_000);
    b.cut();
    t.run(0);
    expect(report().links).toMatchObject({ failed: { noRoute: 2 }, remaining: 2 });
    hub.connect('b');
    t.run(500);
    expect(report()).toMatchObject({ state: 'ready', links: { moved: 2, remaining: 0 } });
    for (const client of clients) client.say('here');
    t.run(0);
    expect(hub.sockets.map((it) => it.received)).toEqual([['here'], ['here']]);
  });

  it('leaves no client paused that was at its bound when an attempt was called off', () => {
    t = new InProcessFixture({ retainedMessages: 10 });
    const { hub, b, clients } = serve(1);
    hub.sockets[0]!.busy = true;
    for (let i = 0; i < 10; i++) clients[0]!.say(`${i}`);
    t.run(0);
    expect(clients[0]!.paused).toBe(true);
    reload(300);
    b.cut();
    // The hub server pauses, its handlers complete, and it stays where it was.
    t.clock.after(0, () => hub.sockets[0]!.finish());
    t.run(1000);
    expect([report().links.failed, clients[0]!.paused]).toEqual([{ noRoute: 1 }, false]);
  });

  it('leaves nothing behind', () => {
    const { clients } = serve(5);
    const before = t.clock.timers.size;
    reload();
    t.run(200);
    for (const client of clients) client.leave();
    t.run(200);
    expect(report().state).toBe('ready');
    expect([t.clock.timers.size, t.relay.budgets.inbound.used, t.faults]).toEqual([before, 0, []]);
    expect(t.relay.clientCount).toBe(0);
  });
});
