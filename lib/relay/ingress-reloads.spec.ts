import { beforeEach, describe, expect, it } from 'vitest';
import { InProcessFixture } from '../../test/support/in-process-fixture.js';
import type { RelayCoreOptions } from './relay-core.js';
import { LastIngressError, UnknownIngressError } from './ingress-reload-report.js';

let t: InProcessFixture;
beforeEach(() => (t = new InProcessFixture()));

const reload = (ingress: string, deadlineMs = 1000) =>
  t.relay.ingresses.reload(ingress, deadlineMs);
const report = (ingress: string) => t.relay.ingresses.get(ingress)!.reload!;
const avoided = () => [...t.relay.serviceConnections].map((it) => it.avoided);
const withOptions = (options: Partial<RelayCoreOptions>) => (t = new InProcessFixture(options));

describe('the ingresses', () => {
  it('are those of the options, of connections, and of reloads', () => {
    withOptions({ ingresses: ['named'] });
    t.hub('hub', 'a', undefined);
    t.clients(2, 'c');
    expect(t.relay.ingresses.list()).toEqual([
      { ingress: 'named', serviceConnections: 0, links: 0, clients: 0 },
      { ingress: 'a', serviceConnections: 1, links: 1, clients: 0 },
      { ingress: 'c', serviceConnections: 0, links: 0, clients: 2 },
    ]);
    reload('a');
    t.run(1000);
    expect(t.relay.ingresses.get('a')).toMatchObject({ links: 0, reload: { state: 'ready' } });
  });

  it('that nobody knows have no view, and cannot be reloaded', () => {
    t.hub('hub', 'a');
    expect(t.relay.ingresses.get('b')).toBeUndefined();
    expect(() => reload('b')).toThrow(UnknownIngressError);
    expect(() => reload('b')).toThrow('no connection comes through the ingress "b"');
    expect(t.relay.ingresses.cancel('b')).toBe(false);
  });

  it('are ready at once when nothing depends on them', () => {
    withOptions({ ingresses: ['named'] });
    expect(reload('named')).toEqual({
      ingress: 'named',
      state: 'ready',
      elapsedMs: 0,
      remainingMs: 0,
      links: { moved: 0, ended: 0, failed: {}, remaining: 0 },
      clients: { left: 0, remaining: 0 },
    });
    expect(t.clock.timers.size).toBe(0);
  });

  it('are remembered after a reload, the last hundred', () => {
    const names = Array.from({ length: 150 }, (_, i) => `ingress ${i}`);
    withOptions({ ingresses: names });
    for (const name of names) reload(name);
    const remembered = t.relay.ingresses.list().filter((it) => it.reload);
    expect(remembered.map(({ ingress }) => ingress)).toEqual(names.slice(50));
  });

  it('are remembered while their reload is under way, whatever else is reloaded', () => {
    const names = Array.from({ length: 150 }, (_, i) => `ingress ${i}`);
    withOptions({ ingresses: names });
    t.client('busy').answersAfterMs = undefined;
    reload('busy', 60_000);
    for (const name of names) reload(name);
    expect(report('busy').state).toBe('running');
  });
});

describe('the last ingress', () => {
  it('is refused, and whom it would cut off is named', () => {
    t.hub('one', 'a');
    t.hub('two', 'a', 'b');
    t.clients(4);
    expect(() => reload('a')).toThrow(LastIngressError);
    expect(() => reload('a')).toThrow('"a" is the only way to name of one');
    expect(avoided()).toEqual([false, false, false]);
    expect([t.relay.ingresses.get('a')!.reload, reload('b').state]).toEqual([undefined, 'running']);
  });

  it.each([
    ['without clients', () => t.hub('idle', 'a')],
    ['with a service connection through none', () => [t.hub('hub', 'a', undefined), t.clients(2)]],
  ])('is not that of a hub server %s', (_, before) => {
    before();
    expect(['running', 'ready']).toContain(reload('a').state);
  });

  it('may be what two reloads at the same time make it', () => {
    t.hub('hub', 'a', 'b');
    t.clients(4);
    reload('a');
    expect(() => reload('b')).toThrow('"b" is the only way to name of hub');
    t.run(1000);
    expect(report('a').state).toBe('ready');
    expect(() => reload('b')).toThrow(LastIngressError);
    t.relay.ingresses.cancel('a');
    expect(reload('b').state).toBe('running');
    t.run(1000);
    expect([report('a').state, report('b').state]).toEqual(['ready', 'ready']);
    expect(report('b').links.moved).toBe(4);
  });

  it('waits by option, and goes on when the hub server has another way', () => {
    withOptions({ lastIngress: 'wait' });
    const hub = t.hub('hub', 'a');
    const clients = t.clients(3);
    reload('a', 10_000);
    t.run(2000);
    expect(report('a')).toMatchObject({ state: 'waiting', links: { moved: 0, remaining: 3 } });
    clients[0]!.say('still here');
    t.run(0);
    expect(hub.sockets[0]!.received).toEqual(['still here']);
    hub.connect('b');
    t.run(100);
    expect(report('a')).toMatchObject({
      state: 'ready',
      links: { moved: 3, failed: {}, remaining: 0 },
    });
    expect(t.relay.counters).toMatchObject({ reroutes: 3, failedReroutes: {} });
  });

  it('waits in vain when nothing comes: it expires, and the clients stay', () => {
    withOptions({ lastIngress: 'wait' });
    const hub = t.hub('hub', 'a');
    const clients = t.clients(3);
    reload('a');
    t.run(999);
    expect(report('a').state).toBe('waiting');
    t.run(1);
    expect(report('a')).toMatchObject({
      state: 'expired',
      remainingMs: 0,
      links: { remaining: 3 },
    });
    clients[0]!.say('still here');
    t.client().say('new');
    t.run(0);
    expect(hub.sockets.map(({ received }) => received)).toEqual([['still here'], [], [], ['new']]);
    expect(clients.flatMap(({ asked }) => asked)).toEqual([]);
  });

  it('waits while two reloads leave no way, and goes on when one is called off', () => {
    withOptions({ lastIngress: 'wait' });
    t.hub('hub', 'a', 'b');
    t.clients(4);
    reload('a', 10_000);
    t.run(100);
    reload('b', 10_000);
    t.run(1000);
    expect([report('a').state, report('b').state]).toEqual(['ready', 'waiting']);
    expect(report('b').links.remaining).toBe(4);
    t.relay.ingresses.cancel('a');
    t.run(100);
    expect([report('a').state, report('b').state]).toEqual(['ready', 'ready']);
    expect(report('b').links).toMatchObject({ moved: 4, remaining: 0 });
  });
});
