import { beforeEach, describe, expect, it } from 'vitest';
import { ENDED, RelayLinkFixture, bytesOf, data } from '../../test/support/relay-link-fixture.js';
import type { FakeServer } from '../../test/support/relay-link-fixture.js';
import { ContextBudget } from './context-budget.js';
import { MessageType } from './messages.js';
import { RelayContext } from './relay-context.js';

let t: RelayLinkFixture;
beforeEach(() => (t = new RelayLinkFixture()));

/** The contexts with which the server was asked to open the connection. */
const openedWith = (server: FakeServer) =>
  server
    .take()
    .filter(({ type }) => type === MessageType.OpenConnection)
    .map(({ context }) => context && Buffer.from(context as Uint8Array).toString());

const crash = (server = t.a) => {
  server.lose();
  t.link.serverGone();
};

describe('a takeover', () => {
  it('opens the connection with the last checkpoint', () => {
    t.a.checkpoint('first');
    t.a.checkpoint('second');
    crash();
    expect(openedWith(t.b)).toEqual(['second']);
    t.b.lose();
    expect(openedWith(t.c)).toEqual(['second']);
  });

  it('opens it without context when none was given, or none is needed any more', () => {
    t.a.checkpoint('first');
    t.a.checkpoint();
    crash();
    expect(openedWith(t.b)).toEqual([undefined]);
  });

  it('has the checkpoint that came before the acknowledgement of what it tells of', () => {
    t.say('1');
    t.say('2');
    t.a.checkpoint('after 1');
    t.a.end!.onAck(1, []);
    crash();
    expect(t.b.take()).toMatchObject([{ inbound: 1, context: bytesOf('after 1') }]);
    t.b.accept();
    expect(t.b.take()).toEqual(data('2'));
  });

  it('has what the new server was opened with, until that gives its own', () => {
    t.a.checkpoint('checkpoint');
    t.migrate();
    t.a.readyWith({ context: bytesOf('ready') });
    t.b.accept();
    t.a.released();
    t.b.take();
    crash(t.b);
    expect(openedWith(t.c)).toEqual(['ready']);
    t.c.accept();
    t.c.checkpoint('third');
    t.candidates = [t.a];
    crash(t.c);
    expect(openedWith(t.a)).toEqual(['third']);
  });

  it('is not the end for a client that left, when its context has to be cleaned', () => {
    t.a.checkpoint('state');
    t.a.lose();
    t.link.clientClosed(1001, 'gone');
    t.link.serverGone();
    t.b.accept();
    expect(t.b.take()).toMatchObject([{ context: bytesOf('state') }, { code: 1001 }]);
    t.b.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it.each([
    ['contextLost', () => t.a.checkpoint('x'.repeat(1001))],
    ['notMigratable', () => t.a.checkpoint('state', false)],
  ])('is impossible: the client is closed with %s, and counted', (reason, before) => {
    before();
    crash();
    expect([openedWith(t.b), t.owner.closeClient.mock.calls]).toEqual([[], [[1012, reason]]]);
    expect([t.owner.clientLost.mock.calls, t.leftovers()]).toEqual([[[reason]], ENDED]);
  });

  it.each([
    ['fits again', () => t.a.checkpoint('small'), 'small'],
    ['is not needed any more', () => t.a.checkpoint(), undefined],
  ])('is possible again when the context %s', (_, again, context) => {
    t.a.checkpoint('x'.repeat(1001));
    again();
    crash();
    expect(openedWith(t.b)).toEqual([context]);
  });

  it('tries others when a target refuses the context, and closes the client at the deadline', () => {
    t.a.checkpoint('state');
    crash();
    t.b.refuse('the state is from the future');
    t.c.refuse('and here');
    t.candidates = [];
    t.clock.run(300);
    expect(t.owner.closeClient.mock.calls).toEqual([[1012, 'takeoverRefused']]);
    const [[result]] = t.owner.migrationEnded.mock.calls;
    expect(result).toMatchObject({ outcome: 'ended', reason: 'refused', detail: 'and here' });
    expect(t.leftovers()).toEqual(ENDED);
  });
});

describe('a migration', () => {
  it('opens the connection with what came with READY, not with the checkpoint', () => {
    t.a.checkpoint('checkpoint');
    t.migrate();
    t.a.readyWith({ context: bytesOf('ready') });
    expect(openedWith(t.b)).toEqual(['ready']);
    t.b.refuse();
    expect(openedWith(t.c)).toEqual(['ready']);
  });

  it('has no context when READY has none', () => {
    t.a.checkpoint('checkpoint');
    t.migrate();
    t.a.ready();
    expect(openedWith(t.b)).toEqual([undefined]);
  });

  it('that is rolled back leaves the checkpoint as it was', () => {
    t.a.checkpoint('checkpoint');
    t.candidates = [t.b];
    t.migrate();
    t.a.readyWith({ context: bytesOf('ready') });
    t.b.refuse();
    expect(t.contexts.used).toBe('checkpoint'.length);
    t.b.take();
    crash();
    expect(openedWith(t.b)).toEqual(['checkpoint']);
  });

  it('tells the origin what the target said that refused', () => {
    t.candidates = [t.b];
    t.migrate();
    t.a.ready();
    t.b.refuse('state.count must be a number');
    const answer = t.a.take().at(-1);
    expect(answer).toMatchObject({ outcome: 'rolledBack', reason: 'refused' });
    expect(answer).toMatchObject({ detail: 'state.count must be a number' });
    const [[result]] = t.owner.migrationEnded.mock.calls;
    expect(result).toMatchObject({ outcome: 'failed', detail: 'state.count must be a number' });
  });

  it('does not begin while the connection is not migratable, and can when it is again', () => {
    t.a.checkpoint(undefined, false);
    expect([t.migrate(), t.link.migratable]).toEqual([false, false]);
    t.a.checkpoint();
    expect([t.owner.settled.mock.calls.length, t.migrate()]).toEqual([1, true]);
  });

  it('lets the connection be migratable at the next server, until that says otherwise', () => {
    t.migrate();
    t.a.checkpoint(undefined, false);
    t.a.ready();
    t.b.accept();
    expect(t.link.migratable).toBe(true);
  });
});

describe('a checkpoint', () => {
  it('counts only from the server that has the connection', () => {
    t.a.checkpoint('of the origin');
    t.migrate();
    t.a.ready();
    t.b.accept();
    t.b.checkpoint('of the target');
    t.a.checkpoint('late');
    t.a.released();
    t.b.take();
    crash(t.b);
    expect(openedWith(t.c)).toEqual(['of the target']);
  });

  it('outlives the service connection, and is replaced after a rebinding', () => {
    t.a.checkpoint('before');
    t.a.lose();
    expect(t.contexts.used).toBe(6);
    t.rebind();
    t.a.rebound(0);
    t.a.checkpoint('since');
    t.a.lose();
    t.link.serverGone();
    expect(openedWith(t.b)).toEqual(['since']);
  });

  it('must not come before the answer to OpenConnection', () => {
    t.link = t.newLink();
    expect(() => t.a.checkpoint('x')).toThrow('before OpenConnectionResponse');
  });

  it('is gone with the connection', () => {
    t.a.checkpoint('state');
    t.link.clientClosed(1001, '');
    t.a.closed();
    expect([t.contexts.used, t.leftovers()]).toEqual([0, ENDED]);
  });
});

describe('the memory of contexts', () => {
  const bytes = (length: number) => new Uint8Array(length);

  it('is bounded over all connections: what does not fit is forgotten and counted', () => {
    const budget = new ContextBudget(10);
    const [one, other] = [new RelayContext(budget), new RelayContext(budget)];
    one.save({ context: bytes(6) });
    other.save({ context: bytes(5) });
    expect([budget.used, budget.forgotten]).toEqual([6, 1]);
    expect([one.obstacle, other.obstacle, other.needed]).toEqual([undefined, 'contextLost', true]);
    one.save({ context: bytes(4) });
    other.save({ context: bytes(6) });
    expect([budget.used, budget.forgotten, other.obstacle]).toEqual([10, 1, undefined]);
    one.dispose();
    other.dispose();
    expect(budget.used).toBe(0);
  });

  it('counts what is on its way, which is never forgotten', () => {
    const budget = new ContextBudget(10);
    const context = new RelayContext(budget);
    context.save({ context: bytes(8) });
    context.depart(bytes(9));
    expect([budget.used, context.bytes?.length]).toEqual([17, 9]);
    context.stay();
    expect([budget.used, context.bytes?.length]).toEqual([8, 8]);
    context.depart(bytes(11));
    context.moved();
    expect([budget.used, context.bytes, context.obstacle]).toEqual([0, undefined, 'contextLost']);
  });

  it('does not keep the batch in which a context came', () => {
    const batch = Buffer.alloc(1000, 'x');
    const context = new RelayContext(new ContextBudget(100));
    context.save({ context: batch.subarray(10, 20) });
    expect(context.bytes?.buffer.byteLength).toBe(10);
    const own = bytes(10);
    context.save({ context: own });
    expect(context.bytes).toBe(own);
  });
});
