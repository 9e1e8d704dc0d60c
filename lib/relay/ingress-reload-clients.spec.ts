import { beforeEach, describe, expect, it } from 'vitest';
import { InProcessFixture } from '../../test/support/in-process-fixture.js';
import type { InProcessClient, InProcessHub } from '../../test/support/in-process-fixture.js';

const DEADLINE_MS = 10_000;

let t: InProcessFixture;
let hub: InProcessHub;
beforeEach(() => {
  t = new InProcessFixture();
  hub = t.hub('hub', undefined);
});

const reload = () => t.relay.ingresses.reload('a', DEADLINE_MS);
const report = () => t.relay.ingresses.get('a')!.reload!;
const received = () => hub.sockets.map((it) => it.received);
const askedAt = (clients: InProcessClient[]) =>
  clients.flatMap(({ asked }) => asked.map((it) => it.at));

describe('clients of an ingress that is reloaded', () => {
  it('are asked to leave with 1012, each once, evenly over 70 % of the time', () => {
    const clients = t.clients(100, 'a');
    reload();
    expect(report().clients).toEqual({ left: 0, remaining: 100 });
    t.run(DEADLINE_MS);
    const asked = clients.map((it) => it.asked.map(({ code, reason }) => [code, reason]));
    expect(asked).toEqual(clients.map(() => [[1012, 'ingressReload']]));
    const times = askedAt(clients).toSorted((a, b) => a - b);
    // Every 70 ms, at the next tick of 20 ms.
    for (const [i, at] of times.entries()) {
      expect(at).toBeGreaterThanOrEqual(70 * i);
      expect(at).toBeLessThanOrEqual(70 * i + 40);
    }
    expect(report()).toMatchObject({ state: 'ready', clients: { left: 100, remaining: 0 } });
    expect(report().elapsedMs).toBeLessThanOrEqual(7040);
  });

  it('are asked in a random order', () => {
    const clients = t.clients(50, 'a');
    reload();
    t.run(DEADLINE_MS);
    const order = askedAt(clients);
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
  });

  it('are few: the first is asked at once, not all at the end', () => {
    const [one] = t.clients(1, 'a');
    reload();
    t.run(40);
    expect(one!.asked).toHaveLength(1);
    expect(report().state).toBe('ready');
  });

  it('are heard until they close, and their server hears of a true end', () => {
    const [client] = t.clients(1, 'a');
    client!.answersAfterMs = 500;
    reload();
    t.run(100);
    expect(client!.asked).toHaveLength(1);
    client!.say('after the question');
    t.run(399);
    client!.say('last');
    t.run(1000);
    expect(received()).toEqual([['after the question', 'last']]);
    expect(hub.sockets[0]!.ended).toEqual({ code: 1012, migration: undefined });
    expect([hub.sockets[0]!.ends, t.relay.clientCount]).toEqual([1, 0]);
  });

  it('get what is sent to them until they close', () => {
    const [client] = t.clients(1, 'a');
    client!.answersAfterMs = 500;
    reload();
    t.run(100);
    hub.sockets[0]!.link.send('still there?', false);
    t.run(0);
    expect(client!.received).toEqual(['still there?']);
  });

  it('are only those that came through it', () => {
    const [other, none] = [t.client('b'), t.client()];
    t.clients(3, 'a');
    reload();
    t.run(DEADLINE_MS);
    other.say('here');
    none.say('here');
    t.run(0);
    expect([other.asked, none.asked, report().clients.left]).toEqual([[], [], 3]);
    expect(received().slice(0, 2)).toEqual([['here'], ['here']]);
  });

  it('need not be asked when they leave by themselves', () => {
    const clients = t.clients(10, 'a');
    reload();
    for (const client of clients) client.leave();
    t.run(100);
    expect(askedAt(clients).length).toBeLessThanOrEqual(1);
    expect(report()).toMatchObject({ state: 'ready', clients: { left: 10, remaining: 0 } });
  });

  it('may not listen: the reload expires, and they are served on', () => {
    const clients = t.clients(4, 'a');
    for (const client of clients.slice(2)) client.answersAfterMs = undefined;
    reload();
    t.run(DEADLINE_MS);
    expect(report()).toMatchObject({ state: 'expired', clients: { left: 2, remaining: 2 } });
    clients[3]!.say('here');
    t.run(60_000);
    expect(received()[3]).toEqual(['here']);
    expect(clients.map((it) => it.asked.length)).toEqual([1, 1, 1, 1]);
  });

  it('that come while it runs are another reload’s', () => {
    const [slow] = t.clients(1, 'a');
    slow!.answersAfterMs = 1000;
    reload();
    t.run(100);
    const late = t.client('a');
    t.run(2000);
    expect(report()).toMatchObject({ state: 'ready', clients: { left: 1, remaining: 0 } });
    expect(late.asked).toEqual([]);
    reload();
    t.run(DEADLINE_MS);
    expect([late.asked.length, report().clients.left]).toEqual([1, 1]);
  });

  it('are moved off its service connections as long as they are there', () => {
    t = new InProcessFixture();
    hub = t.hub('hub');
    const a = hub.connect('a');
    const clients = t.clients(5, 'a');
    const b = hub.connect('b');
    for (const client of clients) client.answersAfterMs = 3000;
    reload();
    t.run(1000);
    expect([a.session.linkCount, b.session.linkCount]).toEqual([0, 5]);
    expect(report()).toMatchObject({ state: 'running', links: { moved: 5, remaining: 0 } });
    t.run(DEADLINE_MS);
    expect(report()).toMatchObject({
      state: 'ready',
      links: { moved: 0, ended: 5, remaining: 0 },
      clients: { left: 5, remaining: 0 },
    });
  });

  it('are asked as soon as they are let in when their upgrade is pending at their turn', () => {
    hub.accepts = false;
    const [client] = t.clients(1, 'a');
    reload();
    t.run(2000);
    expect(client!.asked).toEqual([]);
    expect(report()).toMatchObject({ state: 'running', clients: { left: 0, remaining: 1 } });
    hub.sockets[0]!.link.accept('');
    t.run(100);
    expect(client!.asked).toMatchObject([{ code: 1012, reason: 'ingressReload' }]);
    expect(report()).toMatchObject({ state: 'ready', clients: { left: 1, remaining: 0 } });
  });

  it('hold nobody up whose upgrade is pending at their turn', () => {
    hub.accepts = false;
    const pending = t.clients(5, 'a');
    hub.accepts = true;
    const clients = t.clients(5, 'a');
    reload();
    t.run(DEADLINE_MS);
    expect([...pending, ...clients].map(({ asked }) => asked.length)).toEqual([
      ...pending.map(() => 0),
      ...clients.map(() => 1),
    ]);
    expect(report()).toMatchObject({ state: 'expired', clients: { left: 5, remaining: 5 } });
  });

  it('need not be asked when their upgrade is refused', () => {
    hub.accepts = false;
    const [client] = t.clients(1, 'a');
    reload();
    t.run(100);
    hub.sockets[0]!.link.refuse(403, 'no');
    t.run(100);
    expect([client!.refused, client!.asked]).toEqual([403, []]);
    expect(report()).toMatchObject({ state: 'ready', clients: { left: 1, remaining: 0 } });
  });

  it('are asked while their link waits for another way', () => {
    t = new InProcessFixture({ lastIngress: 'wait' });
    hub = t.hub('hub', 'a');
    const clients = t.clients(3, 'a');
    reload();
    t.run(DEADLINE_MS);
    expect(clients.map((it) => it.asked.length)).toEqual([1, 1, 1]);
    expect(report()).toMatchObject({ state: 'ready', links: { ended: 3, remaining: 0 } });
  });
});
