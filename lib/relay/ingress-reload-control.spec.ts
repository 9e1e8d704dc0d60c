import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { InProcessFixture } from '../../test/support/in-process-fixture.js';
import { until } from '../../test/support/until.js';

let t: InProcessFixture;
beforeEach(() => (t = new InProcessFixture()));

const reload = (ingress: string, deadlineMs = 1000) =>
  t.relay.ingresses.reload(ingress, deadlineMs);
const report = (ingress: string) => t.relay.ingresses.get(ingress)!.reload!;
const avoided = () => [...t.relay.serviceConnections].map((it) => it.avoided);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('a reload that is asked for again', () => {
  it('while it runs is the same one, with its first deadline', () => {
    t.hub('hub', 'a', 'b');
    const client = t.client('a');
    client.answersAfterMs = undefined;
    reload('a', 1000);
    t.run(400);
    expect(reload('a', 60_000)).toMatchObject({
      state: 'running',
      elapsedMs: 400,
      remainingMs: 600,
    });
    t.run(600);
    expect(report('a').state).toBe('expired');
    expect(client.asked).toHaveLength(1);
  });

  it('when it is ready is the same one while nothing depends on the ingress', () => {
    t.hub('hub', 'a', 'b');
    t.clients(2);
    reload('a');
    t.run(500);
    const first = report('a');
    t.run(5000);
    expect(reload('a')).toEqual(first);
  });

  it('when something depends on the ingress again is a new one', () => {
    t.hub('hub', 'a', 'b');
    t.clients(4);
    reload('a');
    t.run(500);
    const late = t.client('a');
    expect(reload('a')).toMatchObject({ state: 'running', clients: { remaining: 1 } });
    t.run(1000);
    expect(report('a')).toMatchObject({ state: 'ready', clients: { left: 1, remaining: 0 } });
    expect(late.asked).toMatchObject([{ code: 1012, reason: 'ingressReload' }]);
  });

  it.each([
    ['was called off', () => t.relay.ingresses.cancel('a')],
    ['has expired', () => t.run(1000)],
  ])('after it %s is a new one', (_, before) => {
    t.hub('hub', 'a', 'b');
    const client = t.client('a');
    client.answersAfterMs = undefined;
    reload('a');
    before();
    expect(report('a').state).not.toBe('running');
    expect(reload('a', 5000)).toMatchObject({ state: 'running', elapsedMs: 0, remainingMs: 5000 });
    t.run(5000);
    expect(report('a').clients).toEqual({ left: 0, remaining: 1 });
  });
});

describe('a reload that is called off', () => {
  it('leaves moved links where they are, and lets others use the ingress again', () => {
    t = new InProcessFixture({ migrationsPerSecond: 50 });
    t.hub('hub', 'a', 'b');
    t.clients(20);
    reload('a', 60_000);
    t.run(100);
    const { moved, remaining } = report('a').links;
    expect(moved).toBeGreaterThan(0);
    expect(remaining).toBeGreaterThan(0);
    expect(t.relay.ingresses.cancel('a')).toBe(true);
    expect([report('a').state, avoided()]).toEqual(['cancelled', [false, false]]);
    t.run(2000);
    expect(report('a').links).toMatchObject({ moved, remaining });
    t.clients(2 * moved);
    expect([...t.relay.serviceConnections].map((it) => it.linkCount)).toEqual([
      10 + moved,
      10 + moved,
    ]);
  });

  it('asks no more clients to leave', () => {
    const clients = t.clients(10, 'a');
    t.hub('hub', undefined);
    t.run(0);
    reload('a', 10_000);
    t.run(2000);
    const asked = clients.filter((it) => it.asked.length > 0).length;
    t.relay.ingresses.cancel('a');
    t.run(20_000);
    expect(clients.filter((it) => it.asked.length > 0)).toHaveLength(asked);
    expect(report('a').clients).toEqual({ left: asked, remaining: 10 - asked });
  });

  it('after it was over keeps its state, and the ingress can be used again', () => {
    t.hub('hub', 'a', 'b');
    t.clients(2);
    reload('a');
    t.run(500);
    expect(avoided()).toEqual([true, false]);
    expect(t.relay.ingresses.cancel('a')).toBe(true);
    expect([report('a').state, avoided()]).toEqual(['ready', [false, false]]);
  });

  it('is all of them when the relay stops', () => {
    t.hub('hub', 'a', 'b', undefined);
    t.client('a').answersAfterMs = undefined;
    t.client('b').answersAfterMs = undefined;
    for (const ingress of ['a', 'b']) reload(ingress);
    const over = vi.fn<() => void>();
    t.relay.ingresses.whenOver('a', over);
    t.relay.endSessions();
    expect([report('a').state, report('b').state]).toEqual(['cancelled', 'cancelled']);
    expect(over).toHaveBeenCalledTimes(1);
  });
});

describe('one who waits for a reload', () => {
  it.each([
    ['there is none', () => undefined],
    ['it is over', () => [t.hub('hub', 'a', 'b'), t.clients(2), reload('a'), t.run(500)]],
  ])('is called at once when %s', (_, before) => {
    before();
    const over = vi.fn<() => void>();
    t.relay.ingresses.whenOver('a', over)();
    expect(over).toHaveBeenCalledTimes(1);
  });

  it('is called once when it is over, with the report at hand', () => {
    t.hub('hub', 'a', 'b');
    t.clients(4);
    reload('a');
    const states: string[] = [];
    t.relay.ingresses.whenOver('a', () => states.push(report('a').state));
    t.relay.ingresses.whenOver('a', () => states.push('another'));
    expect(states).toEqual([]);
    t.run(1000);
    t.relay.ingresses.cancel('a');
    expect(states).toEqual(['ready', 'another']);
  });

  it('may go, and may ask for another reload', () => {
    t.hub('hub', 'a', 'b');
    t.client('a').answersAfterMs = undefined;
    reload('a');
    const gone = vi.fn<() => void>();
    const states: string[] = [];
    t.relay.ingresses.whenOver('a', () => states.push(reload('a', 500).state));
    t.relay.ingresses.whenOver('a', gone)();
    t.run(1000);
    expect([states, report('a').state, gone.mock.calls]).toEqual([['running'], 'running', []]);
    t.run(500);
    expect(report('a').state).toBe('expired');
  });
});

describe('a reload that is over', () => {
  it('keeps its report, whatever comes after', () => {
    t.hub('hub', 'a', 'b');
    const clients = t.clients(4, 'a');
    for (const client of clients) client.answersAfterMs = undefined;
    reload('a');
    t.run(1000);
    const last = report('a');
    expect(last).toMatchObject({ state: 'expired', clients: { left: 0, remaining: 4 } });
    for (const client of clients) client.leave();
    t.run(1000);
    expect(report('a')).toEqual(last);
  });

  it('holds none of the connections that it moved', async () => {
    t.hub('hub', 'a', 'b');
    const connections = t.clients(10).map((it) => new WeakRef(it.connection));
    reload('a');
    t.run(500);
    for (const it of connections) it.deref()!.closed(1001, '');
    t.run(120_000);
    expect([report('a').state, t.relay.clientCount]).toEqual(['ready', 0]);
    await until(() => {
      collectGarbage();
      expect(connections.filter((it) => it.deref() !== undefined)).toEqual([]);
    });
  });

  it('holds none of the service connections that it cleared', async () => {
    const hub = t.hub('hub', 'a', 'b');
    t.clients(2);
    reload('a');
    t.run(500);
    const cleared = [...t.relay.serviceConnections]
      .filter(({ ingress }) => ingress === 'a')
      .map((session) => {
        session.end(1001, '');
        return new WeakRef(session);
      });
    t.run(120_000);
    expect([report('a').state, hub.core.connections.size]).toEqual(['ready', 2]);
    expect([cleared.length, t.relay.sessionCount]).toEqual([1, 1]);
    await until(() => {
      collectGarbage();
      expect(cleared.filter((it) => it.deref() !== undefined)).toEqual([]);
    });
  });
});
