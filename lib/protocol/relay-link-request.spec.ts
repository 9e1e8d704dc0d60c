import { beforeEach, describe, expect, it } from 'vitest';
import {
  ENDED,
  RelayLinkFixture,
  bytesOf,
  data,
  outcomes,
} from '../../test/support/relay-link-fixture.js';
import { MessageType } from './messages.js';

let t: RelayLinkFixture;
beforeEach(() => {
  t = new RelayLinkFixture();
});

const REQUEST = MessageType.MigrateConnectionRequest;
const plan = (reason: string, to?: string, ms = 1000) => ({
  reason,
  deadline: t.clock.now() + ms,
  ...(to && { to: { serverId: to } }),
});
const state = () => t.link.attempt?.state ?? 'none';

/** Takes a connection to each state of a migration. */
const BEFORE = {
  requested: () => {
    t.link.migrate(plan('requested'));
  },
  'requested, waiting': () => {
    t.link.migrate(plan('requested'));
    t.a.progress('waiting', { waitsFor: 'handlers' });
  },
  ready: () => {
    t.link.migrate(plan('requested'));
    t.a.progress('ready');
  },
  'migrating, a target asked': () => {
    t.link.migrate(plan('requested'));
    t.a.ready();
  },
  'migrating, after ready': () => {
    t.link.migrate(plan('requested'));
    t.a.progress('ready');
    t.a.ready();
  },
} as const;
type Before = keyof typeof BEFORE;
const REQUESTED: Before[] = ['requested', 'requested, waiting'];
const LATER: Before[] = ['ready', 'migrating, a target asked', 'migrating, after ready'];

describe('the states of a migration', () => {
  it.each(Object.entries(BEFORE))('%s', (name, before) => {
    before();
    expect(state()).toBe(name.split(',')[0]);
    expect(t.owner.migrationProgressed).toHaveBeenCalled();
  });

  it('none: before, after the commit, and after a roll back', () => {
    expect(state()).toBe('none');
    t.moveToB();
    expect([state(), t.link.serverId]).toEqual(['none', 'b']);
    t.link = t.newLink();
    t.a.accept();
    t.migrate();
    t.a.notReady();
    expect(state()).toBe('none');
  });

  it('migrating: a takeover, which nobody can stop', () => {
    t.a.lose();
    t.link.serverGone();
    expect([state(), t.link.attempt?.withdraw(), t.link.attempt?.replan(plan('x'))]).toEqual([
      'migrating',
      false,
      false,
    ]);
  });

  it('back to requested, when the hook chose another target and the origin waits again', () => {
    BEFORE.ready();
    t.a.progress('waiting');
    expect(state()).toBe('requested');
    t.a.progress('ready');
    expect(state()).toBe('ready');
  });
});

describe('a request is taken back', () => {
  it.each(REQUESTED)('while %s', (name) => {
    BEFORE[name]();
    t.say('held');
    expect(t.link.attempt?.withdraw()).toBe(true);
    expect(t.a.take().slice(1)).toMatchObject([
      { type: MessageType.MigrateConnectionAck, outcome: 'rolledBack', reason: 'cancelled' },
      { data: 'held' },
    ]);
    expect([t.migrations(), t.clock.timers.size]).toEqual([
      [['failed', 'cancelled', undefined]],
      0,
    ]);
    expect(t.migrate()).toBe(true);
  });

  it.each(LATER)('not while %s', (name) => {
    BEFORE[name]();
    t.a.take();
    expect([t.link.attempt?.withdraw(), t.a.take(), t.migrations()]).toEqual([false, [], []]);
  });

  it('crossing READY: what comes of the old attempt has no effect', () => {
    BEFORE.requested();
    t.link.attempt?.withdraw();
    t.a.ready();
    expect([t.b.take(), t.link.serverId, t.link.moving]).toEqual([[], 'a', false]);
    t.link.migrate(plan('again'));
    t.a.ready(0, 1);
    expect(t.b.take()).toEqual([]);
    t.a.ready(0, 2);
    expect(t.b.take()).toHaveLength(1);
  });

  it('crossing the news that it is ready', () => {
    BEFORE.requested();
    t.link.attempt?.withdraw();
    t.a.progress('ready');
    expect([state(), t.link.moving]).toEqual(['none', false]);
  });
});

describe('a request is repeated', () => {
  it.each(REQUESTED)('while %s: the same attempt goes elsewhere, until later', (name) => {
    BEFORE[name]();
    t.a.take();
    expect(t.link.attempt?.replan(plan('better', 'c', 5000))).toBe(true);
    expect(t.a.take()).toEqual([
      {
        type: REQUEST,
        link: 1,
        kind: 'migrate',
        attempt: 1,
        reason: 'better',
        deadlineMs: 5000,
        to: { serverId: 'c' },
      },
    ]);
    t.clock.run(2000);
    t.a.ready();
    expect([t.b.take(), t.c.take()]).toMatchObject([
      [],
      [{ migration: { reason: 'better', attempt: 1 } }],
    ]);
    t.c.accept();
    expect(outcomes(t.a)).toEqual([['committed', 'better']]);
    t.a.released();
    expect(t.clock.timers.size).toBe(0);
  });

  it.each(LATER)('not while %s', (name) => {
    BEFORE[name]();
    t.a.take();
    expect([t.link.attempt?.replan(plan('late', 'c')), t.a.take()]).toEqual([false, []]);
  });

  it('crossing READY: the new target counts, unless the application chose one', () => {
    BEFORE.requested();
    t.link.attempt?.replan(plan('better', 'c'));
    t.a.readyWith({});
    expect([t.b.take(), t.c.take().length]).toEqual([[], 1]);
    t = new RelayLinkFixture();
    BEFORE.requested();
    t.link.attempt?.replan(plan('better', 'c'));
    t.a.readyWith({ to: { serverId: 'b' } });
    expect([t.b.take().length, t.c.take()]).toEqual([1, []]);
  });

  it('has a deadline of its own', () => {
    t.link.migrate(plan('requested', undefined, 50));
    t.link.attempt?.replan(plan('sooner', undefined, 20));
    t.clock.run(20);
    expect(outcomes(t.a)).toEqual([['rolledBack', 'handlerRunning']]);
  });
});

describe('the target', () => {
  it('is told to the origin and is the only one that is asked', () => {
    t.link.migrate(plan('requested', 'c'));
    expect(t.a.take()).toMatchObject([{ type: REQUEST, to: { serverId: 'c' } }]);
    t.a.ready();
    t.c.refuse();
    expect([t.b.take(), outcomes(t.a)]).toEqual([[], [['rolledBack', 'refused']]]);
  });

  it('is another one when the application chose it as the last word', () => {
    t.link.migrate(plan('requested', 'c'));
    t.a.readyWith({ to: { serverId: 'b' } });
    expect([t.b.take().length, t.c.take()]).toEqual([1, []]);
  });

  it('may be gone by then', () => {
    t.link.migrate(plan('requested', 'b'));
    t.candidates = [t.c];
    t.a.ready();
    expect([t.c.take(), outcomes(t.a)]).toEqual([[], [['rolledBack', 'noTarget']]]);
  });
});

describe('the origin', () => {
  it('tells what it waits for, until it is ready', () => {
    BEFORE['requested, waiting']();
    expect(t.link.attempt).toMatchObject({ waitsFor: 'handlers' });
    t.a.progress('waiting', { waitsFor: 'hold: payment' });
    expect(t.link.attempt).toMatchObject({ waitsFor: 'hold: payment' });
    t.a.progress('ready');
    expect(t.link.attempt?.waitsFor).toBeUndefined();
    t.a.ready();
    t.a.progress('waiting', { waitsFor: 'late' });
    expect(t.link.attempt).toMatchObject({ state: 'migrating', waitsFor: undefined });
  });

  it('is not heard on another attempt', () => {
    BEFORE.requested();
    t.a.progress('ready', {}, 2);
    t.a.progress('waiting', { flow: true, waitsFor: 'x' }, 0);
    t.say('held');
    expect([state(), t.link.attempt?.waitsFor]).toEqual(['requested', undefined]);
    expect(t.a.take().slice(1)).toEqual([]);
  });

  it.each([
    ['cancelled', 'cancelled'],
    ['the payment is not through', 'the payment is not through'],
    [undefined, 'refusedByOrigin'],
    ['', 'refusedByOrigin'],
  ])('refuses, %s: nothing is paused, and the reason is %s', (said, reason) => {
    BEFORE.ready();
    t.say('held');
    t.a.take();
    t.a.notReady(1, said);
    expect([t.a.take(), t.migrations()]).toEqual([data('held'), [['failed', reason, undefined]]]);
  });
});

describe('inbound during a request', () => {
  const flow = (on: boolean) => t.a.progress('waiting', { flow: on });
  beforeEach(() => {
    t.link.migrate(plan('requested'));
    t.say('1');
    t.a.take();
  });

  it('is held, and flows from when the origin wants it until it is ready', () => {
    expect(t.a.take()).toEqual([]);
    flow(true);
    t.say('2');
    expect(t.a.take()).toEqual(data('1', '2'));
    t.a.progress('ready');
    t.say('3');
    expect(t.a.take()).toEqual([]);
    t.a.ready(0, 1, 0, 2);
    t.b.accept();
    expect(t.b.take().slice(1)).toEqual(data('1', '2', '3'));
  });

  it('stops to flow when it is not wanted any more', () => {
    flow(true);
    flow(false);
    t.say('2');
    expect(t.a.take()).toEqual(data('1'));
  });

  it('may cross READY: the target gets it all the same', () => {
    flow(true);
    t.say('2');
    t.a.ready(0, 1, 0, 1);
    t.b.accept();
    expect(t.b.take().slice(1)).toEqual(data('1', '2'));
  });

  it('that crossed READY is not sent again when the origin keeps the connection', () => {
    flow(true);
    t.say('2');
    t.candidates = [];
    t.a.ready(0, 1, 0, 1);
    t.say('3');
    expect(t.a.take()).toMatchObject([...data('1', '2'), { outcome: 'rolledBack' }, ...data('3')]);
    t.a.end!.onAck(3, []);
    expect(t.budget.used).toBe(0);
  });

  it('goes on to be acknowledged', () => {
    flow(true);
    t.a.end!.onAck(0, [1, 1]);
    expect(t.budget.used).toBe(0);
    t.a.ready(0, 1, 0, 1);
    t.b.accept();
    expect(t.b.take().slice(1)).toMatchObject([{ type: MessageType.SkipMessages, count: 1 }]);
  });

  it.each([
    ['more received than sent', [0, 1, 0, 3], '3 messages received'],
    ['more handled than received', [2, 1, 0, 1], '2 handled'],
  ] as const)('finds a READY with %s', (_, [handled, attempt, sent, received], fault) => {
    flow(true);
    t.say('2');
    expect(() => t.a.ready(handled, attempt, sent, received)).toThrow(fault);
  });

  it('must all be received when it never flowed', () => {
    t.a.notReady();
    t.link.migrate(plan('again'));
    expect(() => t.a.ready(0, 2, 0, 0)).toThrow('0 messages received and 0 handled of 1');
  });
});

describe.each(Object.keys(BEFORE) as Before[])('while %s', (name) => {
  beforeEach(() => BEFORE[name]());

  it('the client goes: one true end, at the origin', () => {
    t.link.clientClosed(1001, 'gone');
    expect(t.a.take().at(-1)).toMatchObject({ code: 1001, reason: 'gone' });
    for (const message of t.b.take().slice(1)) {
      expect(message).toMatchObject({ migration: { reason: 'rolledBack' } });
    }
    expect(t.migrations()).toEqual([['ended', 'clientClosed', undefined]]);
    t.a.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('the relay closes the client: the same', () => {
    t.link.forceClose(1012, 'noTarget');
    expect(t.a.take().at(-1)).toMatchObject({ code: 1012 });
    t.a.closed();
    expect(t.leftovers()).toEqual(ENDED);
  });

  it('the service connection of the origin is lost: it fails, and the link is rebound', () => {
    t.say('held');
    t.a.take();
    t.a.lose();
    expect([state(), t.migrations()]).toEqual(['none', [['failed', 'originLost', undefined]]]);
    t.rebind();
    t.a.rebound(0);
    expect([t.a.take(), t.link.serverId, t.clock.timers.size]).toEqual([data('held'), 'a', 0]);
    expect(t.migrate()).toBe(true);
  });

  it('the hub server is lost for good: it is taken over with the checkpoint', () => {
    t.a.checkpoint('state');
    t.a.lose();
    t.b.take();
    t.link.serverGone();
    expect(t.b.take()).toMatchObject([{ context: bytesOf('state') }]);
    t.b.accept();
    expect([t.link.serverId, t.clock.timers.size]).toEqual(['b', 0]);
  });

  it('its deadline comes: the origin keeps the connection', () => {
    t.candidates = [t.b];
    t.clock.run(1000);
    expect([state(), t.link.serverId, t.clock.timers.size]).toEqual(['none', 'a', 0]);
    const [[outcome]] = outcomes(t.a) as string[][];
    expect(outcome).toBe('rolledBack');
  });
});
