import { type Mock, beforeEach, describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../../test/simulation/virtual-clock.js';
import { MessageType } from './messages.js';
import type { ClientRequest, ControlMessage, LinkMessage } from './messages.js';
import type { BindingTarget } from './relay-binding.js';
import { RelayLink } from './relay-link.js';
import type { MigrationResult } from './relay-migration.js';
import { RetentionBudget } from './retention-budget.js';
import type { AckSource, LinkEnd } from './session.js';

/** A hub server that does only what a test has it do. */
class FakeServer implements BindingTarget {
  sent: Record<string, unknown>[] = [];
  end: LinkEnd | undefined;
  losses = 0;
  constructor(readonly serverId: string) {}
  bind(end: LinkEnd): number {
    this.end = end;
    return 1;
  }
  sendData(_link: number, data: string | Buffer): void {
    this.sent.push({ data: data.toString() });
  }
  acks: number[] = [];
  sendAck(_link: number, count: number): void {
    this.acks.push(count);
  }
  sendControl(message: ControlMessage): void {
    this.sent.push({ ...message });
  }
  scheduleAck(source: AckSource): void {
    source.writeAck();
  }
  release(): void {
    this.end = undefined;
  }
  take(): Record<string, unknown>[] {
    return this.sent.splice(0);
  }
  answer(message: object): void {
    this.end?.onMessage({ link: 1, ...message } as LinkMessage);
  }
  accept(): void {
    this.answer({ type: MessageType.OpenConnectionResponse, accepted: true });
  }
  refuse(): void {
    this.answer({ type: MessageType.OpenConnectionResponse, accepted: false, reason: 'no' });
  }
  ready(handled = 0, attempt = 1, sent = 0, received = handled): void {
    this.answer({
      type: MessageType.MigrateConnectionResponse,
      attempt,
      ready: true,
      handled,
      received,
      sent,
    });
  }
  closed(): void {
    this.answer({ type: MessageType.ConnectionClosed });
  }
  released(sent = 0, close?: object): void {
    this.answer({ type: MessageType.ConnectionReleased, attempt: 1, sent, close });
  }
  rebound(received: number, accepted = true): void {
    this.answer({ type: MessageType.RebindConnectionResponse, accepted, received });
  }
  lostByPeer(): void {
    this.losses++;
  }
  lose(): void {
    const { end } = this;
    this.end = undefined;
    end?.onLost(1006, 'cut');
  }
}

let clock: VirtualClock;
let budget: RetentionBudget;
let link: RelayLink;
let [a, b, c]: FakeServer[] = [];
let candidates: FakeServer[];
let survives: boolean;
/** Further service connections of servers. */
let routes: FakeServer[];
const names = [
  'accepted',
  'refused',
  'serverLost',
  'deliver',
  'pingClient',
  'pongClient',
  'closeClient',
  'pauseClient',
  'resumeClient',
  'migrationEnded',
  'rerouted',
  'settled',
  'ended',
  'detached',
] as const;
type Owner = ConstructorParameters<typeof RelayLink>[6];
type Spy = Mock<(...args: unknown[]) => void>;
let owner: Owner & Record<(typeof names)[number], Spy>;

beforeEach(() => {
  clock = new VirtualClock();
  budget = new RetentionBudget(1000);
  [a, b, c] = ['a', 'b', 'c'].map((name) => new FakeServer(name));
  candidates = [b!, c!];
  survives = true;
  routes = [];
  owner = {
    get survivesCrash() {
      return survives;
    },
    ...Object.fromEntries(names.map((name) => [name, vi.fn<(...args: unknown[]) => void>()])),
    selectTarget: (excluded: ReadonlySet<string>) =>
      candidates.find(({ serverId }) => !excluded.has(serverId)),
    selectRoute: (serverId: string, besides: BindingTarget) =>
      routes.find((it) => it.serverId === serverId && it !== besides),
  } as typeof owner;
  link = newLink();
  a!.accept();
  a!.take();
});

function newLink(): RelayLink {
  const limits = { retainedBytes: 100, retainedMessages: 10, stepMs: 100 };
  const endpoint = { port: 0, path: '/chat' };
  const made = new RelayLink('id', endpoint, {} as ClientRequest, limits, budget, clock, owner);
  made.open(a!);
  return made;
}

const say = (text: string) => link.clientMessage(text, false);
const heard = () => owner.deliver.mock.calls.map(([data]) => String(data));
const results = () =>
  owner.migrationEnded.mock.calls.map(([it]) => {
    const { outcome, reason, to } = it as MigrationResult;
    return [outcome, reason, to];
  });
const migrate = () => link.migrate({ reason: 'shutdown', deadline: clock.now() + 1000 });
const rebind = () => {
  link.rebind(a!);
  return a!.take();
};
const data = (...texts: string[]) => texts.map((text) => ({ data: text }));
const outcomes = (server: FakeServer) =>
  server
    .take()
    .filter(({ type }) => type === MessageType.MigrateConnectionAck)
    .map(({ outcome, reason }) => [outcome, reason]);

describe('a migration', () => {
  it('moves the connection: old messages first, held ones to the new server', () => {
    say('1');
    expect(migrate()).toBe(true);
    expect(migrate()).toBe(false);
    say('2');
    expect(a!.take()).toEqual([{ data: '1' }, expect.objectContaining({ attempt: 1 })]);
    a!.ready(1);
    expect(b!.take()).toEqual([expect.objectContaining({ inbound: 1, epoch: 2 })]);
    b!.accept();
    expect(b!.take()).toEqual(data('2'));
    expect(outcomes(a!)).toEqual([['committed', 'shutdown']]);
    b!.end!.onData('new', false);
    a!.end!.onData('old', false);
    expect(heard()).toEqual(['old']);
    expect([link.moving, owner.settled.mock.calls.length]).toEqual([true, 0]);
    a!.released(1);
    expect(heard()).toEqual(['old', 'new']);
    expect([link.moving, owner.settled.mock.calls.length]).toEqual([false, 1]);
    expect([link.serverId, results(), clock.timers.size]).toEqual([
      'b',
      [['moved', 'shutdown', 'b']],
      0,
    ]);
  });

  it('sends what the origin did not hand to its handlers to the target', () => {
    for (const text of ['1', '2', '3']) say(text);
    migrate();
    a!.ready(1, 1, 0, 3);
    b!.accept();
    expect(b!.take().slice(1)).toEqual(data('2', '3'));
  });

  it('goes to the next server when one refuses, dies, or does not answer', () => {
    migrate();
    a!.ready();
    b!.refuse();
    expect(c!.take()).toEqual([expect.objectContaining({ epoch: 3 })]);
    c!.lose();
    expect(outcomes(a!)).toEqual([['rolledBack', 'targetLost']]);
    say('x');
    expect(a!.take()).toEqual(data('x'));
    expect(results()).toEqual([['failed', 'targetLost', undefined]]);
  });

  it('gives a silent target the limit of a step, and tells it that the connection went back', () => {
    candidates = [b!];
    migrate();
    a!.ready();
    b!.take();
    clock.run(99);
    expect(b!.take()).toEqual([]);
    clock.run(1);
    expect(b!.take()).toEqual([
      expect.objectContaining({
        type: MessageType.CloseConnection,
        migration: { server: 'a', reason: 'rolledBack', attempt: 1 },
      }),
    ]);
    expect([outcomes(a!), clock.timers.size]).toEqual([[['rolledBack', 'targetTimeout']], 0]);
  });

  it.each([
    ['handlerRunning', () => undefined],
    ['deadline', () => a!.ready()],
  ])('ends at its deadline: %s', (reason, before) => {
    link.migrate({ reason: 'shutdown', deadline: clock.now() + 50 });
    before();
    clock.run(50);
    expect(outcomes(a!)).toEqual([['rolledBack', reason]]);
    expect([link.serverId, link.moving, clock.timers.size]).toEqual(['a', false, 0]);
  });

  it('ignores late answers of an old attempt', () => {
    link.migrate({ reason: 'shutdown', deadline: clock.now() + 50 });
    clock.run(50);
    a!.ready(0, 1);
    expect(link.migrate({ reason: 'shutdown', deadline: clock.now() + 500 })).toBe(true);
    a!.ready(0, 1);
    expect(b!.take()).toEqual([]);
    a!.ready(0, 2);
    expect(b!.take()).toHaveLength(1);
    expect(() => a!.ready(0, 2)).toThrow('a second time');
  });

  it.each([
    ['open', () => undefined],
    ['requested', migrate],
    ['ready', () => [migrate(), a!.ready()]],
  ])('ends with the client while %s: a true end at the origin', (_, before) => {
    before();
    say('last');
    link.clientClosed(1001, 'gone');
    const sent = a!.take().filter(({ type }) => type !== MessageType.MigrateConnectionRequest);
    expect(sent.at(-1)).toMatchObject({ code: 1001, reason: 'gone' });
    expect(sent.at(-1)).not.toHaveProperty('migration');
    expect(sent).toContainEqual({ data: 'last' });
    expect(owner.ended).not.toHaveBeenCalled();
    a!.closed();
    expect([owner.ended.mock.calls.length, budget.used, clock.timers.size]).toEqual([1, 0, 0]);
    for (const message of b!.take().slice(1)) {
      expect(message).toMatchObject({ migration: { reason: 'rolledBack' } });
    }
  });

  it('ends with the client after the commit: a true end at the target', () => {
    migrate();
    a!.ready();
    b!.accept();
    link.clientClosed(1001, 'gone');
    expect(b!.take().at(-1)).toMatchObject({ code: 1001 });
    b!.closed();
    // The origin may still ask what became of the connection.
    expect(owner.ended).not.toHaveBeenCalled();
    a!.end!.onData('late', false);
    a!.released(1);
    expect(heard()).toEqual([]);
    expect([owner.ended.mock.calls.length, clock.timers.size]).toEqual([1, 0]);
  });

  it.each([
    ['requested', () => undefined],
    ['ready', () => a!.ready()],
  ])('is called off when the origin loses its service connection while %s', (_, before) => {
    migrate();
    say('held');
    before();
    a!.take();
    a!.lose();
    for (const message of b!.take().slice(1)) {
      expect(message).toMatchObject({ migration: { reason: 'rolledBack' } });
    }
    expect([results(), owner.detached.mock.calls]).toEqual([
      [['failed', 'originLost', undefined]],
      [['a']],
    ]);
    rebind();
    a!.rebound(0);
    expect([a!.take(), link.moving, clock.timers.size]).toEqual([data('held'), false, 0]);
  });

  it('drops a target that says it lost its service connection, though it may have accepted', () => {
    migrate();
    a!.ready();
    expect(link.reclaim(b!, 2)).toBe(false);
    b!.accept();
    expect([b!.losses, c!.take()]).toEqual([1, [expect.objectContaining({ epoch: 3 })]]);
    c!.accept();
    expect(link.serverId).toBe('c');
  });

  it('lets the new server through when the old one dies or says nothing', () => {
    migrate();
    a!.ready();
    b!.accept();
    b!.end!.onData('new', false);
    clock.run(100);
    expect([heard(), clock.timers.size]).toEqual([['new'], 0]);
  });

  it('closes the client when the application closed it at the origin meanwhile', () => {
    migrate();
    a!.ready();
    b!.accept();
    a!.released(0, { code: 4000, reason: 'bye' });
    expect(owner.closeClient.mock.calls).toEqual([[4000, 'bye']]);
  });

  it('finds what a hub server must not do', () => {
    say('1');
    migrate();
    expect(() => a!.ready(2)).toThrow('ready with 2 messages received and 2 handled of 1');
    expect(() => a!.ready(0, 1, 5)).toThrow('5 messages sent, 0 received');
    a!.ready(1);
    expect(() => b!.end!.onData('x', false)).toThrow('before OpenConnectionResponse');
    expect(() => a!.end!.onAck(9, [])).toThrow('message 9 acknowledged, 1 sent');
  });
});

describe('backpressure', () => {
  it('pauses the client at the bound and resumes it at half', () => {
    for (let i = 0; i < 10; i++) say('x');
    expect(owner.pauseClient).toHaveBeenCalledTimes(1);
    a!.end!.onAck(4, []);
    expect(owner.resumeClient).not.toHaveBeenCalled();
    a!.end!.onAck(5, []);
    expect(owner.resumeClient).toHaveBeenCalledTimes(1);
    expect(budget.used).toBe(link.retainedBytes);
  });

  it('resumes a paused client at the end, so that its close is seen', () => {
    for (let i = 0; i < 10; i++) say('x');
    link.forceClose(1012, 'noTarget');
    a!.closed();
    expect(owner.resumeClient).toHaveBeenCalledTimes(1);
    expect([budget.used, owner.ended.mock.calls.length]).toEqual([0, 1]);
  });

  it('pauses while all connections together are over the bound', () => {
    budget.add(1000);
    say('x');
    expect(owner.pauseClient).toHaveBeenCalledTimes(1);
    budget.remove(500);
    expect(owner.resumeClient).toHaveBeenCalledTimes(1);
  });
});

describe('the loss of a service connection', () => {
  it('is followed by rebinding: both say how far they received, and go on from there', () => {
    say('1');
    say('2');
    a!.end!.onData('x', false);
    (owner.deliver.mock.calls[0]![2] as () => void)();
    a!.lose();
    a!.take();
    say('3');
    expect([a!.take(), link.detached, link.serverId, migrate()]).toEqual([[], true, 'a', false]);
    a!.acks = [];
    expect(rebind()).toEqual([
      expect.objectContaining({
        type: MessageType.RebindConnection,
        connectionId: 'id',
        epoch: 2,
        received: 1,
      }),
    ]);
    link.rebind(b!);
    expect(b!.take()).toEqual([]);
    a!.rebound(1);
    // What the client took is acknowledged again: the acknowledgement may have been lost.
    expect([a!.take(), a!.acks]).toEqual([data('2', '3'), [1]]);
    expect([link.detached, clock.timers.size, owner.settled.mock.calls.length]).toEqual([
      false,
      0,
      1,
    ]);
  });

  it.each([[3], [-1]])('refuses what cannot be: %s messages received of 1', (received) => {
    say('1');
    a!.lose();
    rebind();
    expect(() => a!.rebound(received)).toThrow('messages received of 1');
  });

  it('refuses an answer to another question', () => {
    migrate();
    a!.ready();
    expect(() => b!.rebound(0)).toThrow('RebindConnectionResponse to another question');
    a!.lose();
    rebind();
    expect(() => a!.accept()).toThrow('OpenConnectionResponse to another question');
    a!.rebound(0);
    expect(() => a!.rebound(0)).toThrow('a second time');
  });

  it('asks again when the next service connection is lost as well', () => {
    a!.lose();
    rebind();
    a!.lose();
    expect(owner.detached.mock.calls).toEqual([['a'], ['a']]);
    expect(rebind()).toMatchObject([{ epoch: 3 }]);
    a!.rebound(0);
    expect([link.detached, clock.timers.size]).toEqual([false, 0]);
  });

  it('before the client was accepted ends the link, so that another server is asked', () => {
    link = newLink();
    a!.lose();
    expect([owner.serverLost.mock.calls.length, owner.detached.mock.calls.length]).toEqual([1, 0]);
  });

  it('waits with the end of a client until its last messages are delivered', () => {
    a!.lose();
    say('last');
    link.clientClosed(1001, 'gone');
    expect(owner.ended).not.toHaveBeenCalled();
    rebind();
    a!.rebound(0);
    expect(a!.take()).toEqual([
      ...data('last'),
      expect.objectContaining({ type: MessageType.CloseConnection, code: 1001 }),
    ]);
    a!.closed();
    expect([owner.ended.mock.calls.length, clock.timers.size]).toEqual([1, 0]);
  });

  it('closes a client at once when it is told to, and its server hears of it later', () => {
    a!.lose();
    link.forceClose(1012, 'noTarget');
    expect(owner.closeClient.mock.calls).toEqual([[1012, 'noTarget']]);
    rebind();
    a!.rebound(0);
    expect(a!.take()).toMatchObject([{ code: 1012, reason: 'noTarget' }]);
    a!.closed();
    expect(owner.ended).toHaveBeenCalledTimes(1);
  });

  it('keeps what a new server sent behind the old one, on its next service connection too', () => {
    migrate();
    a!.ready();
    b!.accept();
    b!.end!.onData('new 1', false);
    b!.lose();
    link.rebind(b!);
    b!.rebound(0);
    b!.end!.onData('new 2', false);
    a!.end!.onData('old', false);
    expect(heard()).toEqual(['old']);
    a!.released(1);
    expect(heard()).toEqual(['old', 'new 1', 'new 2']);
  });

  it('keeps the new server behind the old one, whose last word comes on another one', () => {
    migrate();
    a!.ready();
    b!.accept();
    b!.end!.onData('new', false);
    routes = [new FakeServer('a')];
    a!.lose();
    expect(routes[0]!.take()).toMatchObject([
      { outcome: 'committed', connectionId: 'id', epoch: 3, received: 0, server: 'b' },
    ]);
    routes[0]!.rebound(0);
    routes[0]!.end!.onData('old', false);
    expect(heard()).toEqual(['old']);
    routes[0]!.released(1);
    expect(routes[0]!.take()).toMatchObject([{ code: 1012, migration: { server: 'b' } }]);
    expect([heard(), link.moving, clock.timers.size]).toEqual([['old', 'new'], false, 0]);
  });

  it.each([
    ['it is gone', () => link.leftServerGone('a')],
    ['it says nothing', () => clock.run(100)],
  ])(
    'lets the new server through when the old one lost its service connection and %s',
    (_, event) => {
      migrate();
      a!.ready();
      b!.accept();
      b!.end!.onData('new', false);
      a!.lose();
      expect(heard()).toEqual([]);
      event();
      expect([heard(), link.moving, clock.timers.size]).toEqual([['new'], false, 0]);
    },
  );
});

describe('a service connection that the hub server knows to be lost', () => {
  it('is ended, and the link rebound on the one on which it is reclaimed', () => {
    const before = a!.end!;
    say('1');
    a!.take();
    expect(link.reclaim(a!, 1)).toBe(true);
    expect([a!.losses, owner.detached.mock.calls]).toEqual([1, []]);
    expect(a!.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 2 }]);
    before.onLost(1006, 'cut');
    a!.rebound(0);
    expect(a!.take()).toEqual(data('1'));
  });

  it('is an old story when the link has been rebound since', () => {
    a!.lose();
    rebind();
    a!.rebound(0);
    expect([link.reclaim(a!, 1), a!.losses, a!.take()]).toEqual([true, 0, []]);
  });

  it('has the link ask on the service connection that works', () => {
    const other = new FakeServer('a');
    a!.lose();
    rebind();
    link.reclaim(other, 1);
    expect(other.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 3 }]);
    link.reclaim(other, 1);
    expect([other.take(), a!.end]).toEqual([[], undefined]);
    other.rebound(0);
    expect([link.detached, clock.timers.size]).toEqual([false, 0]);
  });

  it('was that of a server which does not have the connection any more', () => {
    migrate();
    a!.ready();
    b!.accept();
    a!.released();
    expect(link.reclaim(a!, 1)).toBe(false);
    expect(link.serverId).toBe('b');
    // Opened with epoch 2, so epoch 1 was another connection at this server.
    expect(link.reclaim(b!, 1)).toBe(false);
    expect(b!.losses).toBe(0);
  });
});

describe('the loss of a hub server', () => {
  const crash = () => {
    a!.take();
    a!.lose();
    link.serverGone();
  };

  it('has another one take over: what was not acknowledged is delivered again', () => {
    for (const text of ['1', '2', '3', '4', '5']) say(text);
    a!.end!.onAck(1, [3, 4]);
    crash();
    say('6');
    expect(b!.take()).toMatchObject([
      { epoch: 2, inbound: 1, migration: { server: 'a', reason: 'crash', attempt: 1 } },
    ]);
    b!.accept();
    expect(b!.take()).toEqual([
      ...data('2'),
      { type: MessageType.SkipMessages, link: 1, count: 2 },
      ...data('5', '6'),
    ]);
    b!.end!.onData('hello', false);
    expect([heard(), results(), clock.timers.size]).toEqual([
      ['hello'],
      [['moved', 'crash', 'b']],
      0,
    ]);
  });

  it('goes on with the next one when a target refuses, dies, or does not answer', () => {
    crash();
    b!.refuse();
    expect(c!.take()).toHaveLength(1);
    c!.lose();
    candidates = [b!];
    link.retryTakeover();
    expect(b!.take()).toHaveLength(2);
    clock.run(100);
    expect(b!.take()).toMatchObject([{ migration: { reason: 'rolledBack' } }]);
    link.retryTakeover();
    b!.accept();
    expect([link.serverId, link.moving, clock.timers.size]).toEqual(['b', false, 0]);
  });

  it('waits for a server that joins, until the deadline', () => {
    candidates = [];
    crash();
    clock.run(299);
    expect(owner.closeClient).not.toHaveBeenCalled();
    candidates = [a!, b!];
    link.retryTakeover();
    b!.accept();
    expect(link.serverId).toBe('b');
  });

  it('closes the client when there is none until the deadline', () => {
    candidates = [];
    crash();
    clock.run(300);
    expect(owner.closeClient.mock.calls).toEqual([[1012, 'serverLost']]);
    expect([owner.ended.mock.calls.length, clock.timers.size, budget.used]).toEqual([1, 0, 0]);
  });

  it('closes the client when its endpoint does not allow a takeover', () => {
    survives = false;
    crash();
    expect(owner.closeClient.mock.calls).toEqual([[1012, 'serverLost']]);
    expect([b!.take(), owner.ended.mock.calls.length]).toEqual([[], 1]);
  });

  it.each([
    ['does not answer', () => clock.run(100)],
    ['does not have the connection', () => a!.rebound(0, false)],
  ])('is also that it %s', (_, event) => {
    a!.lose();
    rebind();
    event();
    expect(b!.take()).toMatchObject([{ migration: { reason: 'crash' } }]);
  });

  it('tells a server that does not answer where the connection has gone', () => {
    a!.lose();
    rebind();
    clock.run(100);
    b!.accept();
    expect(a!.take()).toMatchObject([
      { type: MessageType.CloseConnection, migration: { server: 'b', reason: 'crash' } },
    ]);
  });

  it('ends well when the server answers before another one has taken over', () => {
    say('1');
    a!.lose();
    rebind();
    clock.run(100);
    b!.take();
    a!.rebound(0);
    expect(b!.take()).toMatchObject([{ migration: { reason: 'rolledBack' } }]);
    expect([a!.take(), results(), clock.timers.size]).toEqual([
      data('1'),
      [['failed', 'serverReturned', undefined]],
      0,
    ]);
  });

  it('ends well when the server returns before another one has taken over', () => {
    candidates = [];
    crash();
    expect(link.reclaim(a!, 1)).toBe(true);
    clock.run(99);
    a!.rebound(0);
    expect([link.serverId, link.detached, clock.timers.size]).toEqual(['a', false, 0]);
  });

  it('waits for the answer of a server that returns at the deadline', () => {
    candidates = [];
    crash();
    clock.run(299);
    link.reclaim(a!, 1);
    clock.run(50);
    expect(owner.closeClient).not.toHaveBeenCalled();
    a!.rebound(0);
    expect(link.serverId).toBe('a');
  });

  it('delivers the last messages of a client that left, and only these', () => {
    say('last');
    link.clientClosed(1001, 'gone');
    expect(a!.take().at(-1)).toMatchObject({ code: 1001 });
    link = newLink();
    a!.accept();
    say('last');
    a!.lose();
    link.clientClosed(1001, 'gone');
    link.serverGone();
    b!.accept();
    expect(b!.take().slice(1)).toEqual([...data('last'), expect.objectContaining({ code: 1001 })]);
  });

  it('needs no takeover for a client that left with all it said acknowledged', () => {
    a!.lose();
    link.clientClosed(1001, 'gone');
    link.serverGone();
    expect([b!.take(), owner.ended.mock.calls.length, clock.timers.size]).toEqual([[], 1, 0]);
  });

  it('is followed by a forced close: a target hears a true end', () => {
    crash();
    b!.take();
    link.forceClose(1012, 'noTarget');
    expect(b!.take()).toMatchObject([{ code: 1012, reason: 'noTarget' }]);
    expect([owner.ended.mock.calls.length, clock.timers.size]).toEqual([1, 0]);
  });

  it('keeps the new server behind the one that two servers ago had the connection', () => {
    migrate();
    a!.ready();
    b!.accept();
    b!.lose();
    link.serverGone();
    c!.accept();
    c!.end!.onData('new', false);
    a!.end!.onData('old', false);
    expect(heard()).toEqual(['old']);
    a!.released(1);
    expect([heard(), clock.timers.size]).toEqual([['old', 'new'], 0]);
  });
});

describe('a reroute', () => {
  let other: FakeServer;
  beforeEach(() => routes.push((other = new FakeServer('a'))));

  const reroute = () => link.reroute({ reason: 'ingressReload', limitMs: 100 });
  const rerouted = () => owner.rerouted.mock.calls.map(([it]) => it);
  const MOVED = { outcome: 'moved', reason: 'ingressReload' };

  it('holds inbound until the hub server has paused, then goes on there', () => {
    say('1');
    expect([reroute(), reroute(), migrate()]).toEqual([true, false, false]);
    say('2');
    expect(a!.take()).toMatchObject([{ data: '1' }, { kind: 'reroute', attempt: 1 }]);
    a!.end!.onData('x', false);
    a!.ready(0, 1, 1, 1);
    expect(other.take()).toMatchObject([
      { attempt: 1, outcome: 'committed', connectionId: 'id', epoch: 2, received: 1, server: 'a' },
      { data: '2' },
    ]);
    say('3');
    expect(other.take()).toEqual(data('3'));
    expect([a!.end, link.moving, rerouted()]).toEqual([undefined, true, []]);
    other.rebound(1);
    other.end!.onData('y', false);
    expect([other.take(), heard(), rerouted()]).toEqual([[], ['x', 'y'], [MOVED]]);
    expect([link.moving, clock.timers.size, results()]).toEqual([false, 0, []]);
  });

  it.each([
    ['noAnswer', () => clock.run(100)],
    ['noRoute', () => [(routes = []), a!.ready()]],
    ['noRoute', () => [Object.assign(other, { avoided: true }), a!.ready()]],
  ])('is rolled back: %s', (reason, event) => {
    reroute();
    say('1');
    a!.take();
    event();
    expect(a!.take()).toMatchObject([{ outcome: 'rolledBack', reason }, { data: '1' }]);
    expect(rerouted()).toEqual([{ outcome: 'failed', reason }]);
    a!.ready();
    expect([other.take(), link.moving, clock.timers.size]).toEqual([[], false, 0]);
  });

  it('is given up when the hub server refuses', () => {
    reroute();
    const refusal = { attempt: 1, ready: false, handled: 0, received: 0, sent: 0 };
    a!.answer({ type: MessageType.MigrateConnectionResponse, ...refusal });
    expect([rerouted(), link.moving]).toEqual([
      [{ outcome: 'failed', reason: 'refusedByServer' }],
      false,
    ]);
  });

  it('falls back to rebinding when the service connection is lost before the answer', () => {
    reroute();
    say('1');
    a!.take();
    a!.lose();
    expect([owner.detached.mock.calls, rerouted()]).toEqual([
      [['a']],
      [{ outcome: 'failed', reason: 'sessionLost' }],
    ]);
    link.rebind(other);
    other.rebound(0);
    expect(other.take().slice(1)).toEqual(data('1'));
  });

  it('falls back to rebinding when the new service connection is lost: nothing comes twice', () => {
    reroute();
    say('1');
    say('2');
    a!.ready();
    other.lose();
    expect(owner.detached.mock.calls).toEqual([['a']]);
    a!.take();
    link.rebind(a!);
    expect(a!.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 3 }]);
    // One of the two arrived behind the acknowledgement.
    a!.rebound(1);
    expect([a!.take(), rerouted(), clock.timers.size]).toEqual([data('2'), [MOVED], 0]);
  });

  it('knows a reclaim of the past, and one that tells of a loss', () => {
    reroute();
    a!.ready();
    expect(link.reclaim(other, 1)).toBe(true);
    expect(other.take()).toHaveLength(1);
    const third = new FakeServer('a');
    expect(link.reclaim(third, 1)).toBe(true);
    expect(third.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 3 }]);
    third.rebound(0);
    expect([link.moving, clock.timers.size]).toEqual([false, 0]);
  });

  it.each([
    ['before the answer', () => undefined, () => a!.ready(0, 1, 0, 1)],
    ['after it', () => a!.ready(0, 1, 0, 1), () => undefined],
  ])('of a client that leaves %s goes on, then the server hears of the end', (_, before, after) => {
    say('1');
    reroute();
    before();
    link.clientClosed(1001, 'gone');
    after();
    expect(other.take()).toMatchObject([{ outcome: 'committed' }]);
    other.rebound(1);
    expect(other.take()).toMatchObject([{ code: 1001 }]);
    other.closed();
    expect([owner.ended.mock.calls.length, clock.timers.size, budget.used]).toEqual([1, 0, 0]);
  });

  it('finds what a hub server must not do', () => {
    say('1');
    reroute();
    expect(() => a!.ready(0, 1, 0, 0)).toThrow('paused with 0 messages received of 1');
    expect(() => a!.ready(0, 1, 2, 1)).toThrow('2 messages sent, 0 received');
  });

  it('ends with a hub server that is gone, whose clients another one takes over', () => {
    reroute();
    a!.ready();
    other.lose();
    link.serverGone();
    b!.accept();
    expect([link.serverId, rerouted(), clock.timers.size]).toEqual([
      'b',
      [{ outcome: 'failed', reason: 'sessionLost' }],
      0,
    ]);
  });
});

describe('the end of a client', () => {
  it('comes again, with its last messages, when it got lost with the service connection', () => {
    say('last');
    link.clientClosed(1001, 'gone');
    a!.take();
    a!.lose();
    expect(owner.detached.mock.calls).toEqual([['a']]);
    rebind();
    a!.rebound(0);
    expect(a!.take()).toMatchObject([{ data: 'last' }, { code: 1001 }]);
    a!.closed();
    expect([owner.ended.mock.calls.length, clock.timers.size, budget.used]).toEqual([1, 0, 0]);
  });

  it('is known to a hub server that does not have the connection any more', () => {
    say('last');
    link.clientClosed(1001, 'gone');
    a!.lose();
    rebind();
    a!.rebound(0, false);
    expect([b!.take(), owner.ended.mock.calls.length, clock.timers.size]).toEqual([[], 1, 0]);
  });

  it('is over after a while without the hub server', () => {
    link.clientClosed(1001, 'gone');
    clock.run(100);
    expect([owner.ended.mock.calls.length, a!.end, clock.timers.size]).toEqual([1, undefined, 0]);
  });
});

describe('rebinding on a service connection that is silent', () => {
  it('tries another one, once', () => {
    const other = new FakeServer('a');
    a!.lose();
    rebind();
    routes.push(other);
    clock.run(50);
    expect(other.take()).toMatchObject([{ type: MessageType.RebindConnection, epoch: 3 }]);
    clock.run(99);
    expect(b!.take()).toEqual([]);
    other.rebound(0);
    expect([link.detached, clock.timers.size]).toEqual([false, 0]);
  });
});
