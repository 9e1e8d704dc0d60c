import { beforeEach, describe, expect, it } from 'vitest';
import { InProcessFixture } from '../../test/support/in-process-fixture.js';
import type { InProcessHub } from '../../test/support/in-process-fixture.js';
import type { HubServerEntry } from './hub-server-entry.js';

let t: InProcessFixture;
let hub: InProcessHub;
const entry = (): HubServerEntry => t.relay.server('hub')!;

beforeEach(() => {
  t = new InProcessFixture();
  hub = t.hub('hub');
});

describe('HubServerEntry', () => {
  it('fills a service connection before it begins another, then shares evenly', () => {
    const [first, second, third] = [hub.connect(), hub.connect(), hub.connect()];
    const counts = () => [first, second, third].map((it) => it.session.linkCount);
    t.clients(249);
    expect(counts()).toEqual([249, 0, 0]);
    expect(entry().session(first.session)).toBe(second.session);
    t.clients(300);
    expect(counts()).toEqual([250, 250, 49]);
    t.clients(501);
    expect(counts()).toEqual([350, 350, 350]);
  });

  it('shares links evenly between ingresses', () => {
    const [a, otherA, b] = [hub.connect('a'), hub.connect('a'), hub.connect('b')];
    t.clients(20);
    expect([a, otherA, b].map((it) => it.session.linkCount)).toEqual([10, 0, 10]);
  });

  it('chooses one that is to be avoided when there is no other', () => {
    const first = hub.connect('a');
    first.session.avoided = true;
    expect([entry().session(), entry().hasRoute]).toEqual([first.session, false]);
    const second = hub.connect('b');
    t.clients(3);
    expect([second.session.linkCount, entry().session(), entry().hasRoute]).toEqual([
      3,
      second.session,
      true,
    ]);
    expect(entry().session(second.session)).toBe(first.session);
  });

  it('chooses among those that are to be avoided as among others', () => {
    const first = hub.connect('a');
    t.clients(1);
    const second = hub.connect('b');
    for (const { session } of [first, second]) session.avoided = true;
    expect(entry().session()).toBe(second.session);
  });

  it('has no route, and takes nobody, without a service connection', () => {
    const only = hub.connect();
    t.clients(1);
    const server = entry();
    expect([server.takes('0/chat'), server.session(only.session)]).toEqual([true, undefined]);
    only.cut();
    expect([server.takes('0/chat'), server.session(), server.hasRoute]).toEqual([
      false,
      undefined,
      false,
    ]);
  });

  it('takes nobody for other endpoints, or once it drains', () => {
    hub.connect();
    expect([entry().takes('0/chat'), entry().takes('0/other'), entry().takes('81/chat')]).toEqual([
      true,
      false,
      false,
    ]);
    hub.drain(1000);
    expect([entry().takes('0/chat'), entry().hasRoute]).toEqual([false, true]);
  });
});
