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
  it('chooses the service connection with the fewest links', () => {
    const first = hub.connect();
    t.clients(2);
    const second = hub.connect();
    t.clients(1);
    expect(entry().session()).toBe(second.session);
    expect(entry().session(second.session)).toBe(first.session);
    t.clients(2);
    expect([first, second].map((it) => it.session.linkCount)).toEqual([3, 2]);
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

  it('chooses the one with the fewest links among those that are to be avoided', () => {
    const first = hub.connect('a');
    t.clients(1);
    const second = hub.connect('a');
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
